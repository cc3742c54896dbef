"""What becomes of a job, with the real engine, store and files."""

import pytest

from api_schemas import InvertResult, JobStatus
from store import Store, keys
from tests.workers.conftest import Bench, send


def inverted(bench: Bench, **how: object) -> str:
    job = bench.work(send(bench.shared, **how))  # type: ignore[arg-type]
    assert job.status is JobStatus.SUCCEEDED, job.error
    return job.image_id


def files(shared: Store, image: str) -> dict[str, bytes]:
    folder = bench_folder(shared) / "images" / image
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bench_folder(shared: Store):  # type: ignore[no-untyped-def]
    from pathlib import Path

    return Path(shared.settings.store)


@pytest.mark.parametrize("method", ["direct", "ddim"])
def test_an_inversion_leaves_a_record_and_pictures_of_what_the_model_sees(bench: Bench, method: str) -> None:
    job = bench.work(send(bench.shared, method=method))
    assert isinstance(job.result, InvertResult), job.error
    assert (job.result.width, job.result.height, job.result.cached) == (32, 32, False)
    for url in (job.result.source_url, job.result.reconstruction_url):
        assert bench.shared.blobs.get(url.removeprefix("/")).startswith(b"\x89PNG")
    assert bench.shared.blobs.exists(keys.record(job.image_id, "record.json"))
