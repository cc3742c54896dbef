"""Jobs that paint pictures, and edits of them."""

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

import engine
from api_schemas import EditResult, GenerateRequest, InvertResult, Job, JobKind, JobStatus
from store import Store, keys, painted_id
from tests.workers.conftest import Bench, ask, edited, job_of

METHODS = ("ddim", "direct")


def paint(shared: Store, **fields: object) -> Job:
    """What `POST /generate` does."""
    asked = {"prompt": "a cat on grass", "width": 48, "height": 32, "guidance_scale": 3, "steps": 4, **fields}
    request = GenerateRequest.model_validate({**asked, "model": shared.settings.model_name})
    options, width, height = request.options, request.width, request.height
    assert width is not None
    assert height is not None
    submission = shared.jobs.submit_invert(
        painted_id(options),
        options,
        model=shared.settings.model_name,
        width=width,
        height=height,
        request=request,
    )
    return job_of(shared, submission.job_id)


def picture(bench: Bench, key: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(bench.shared.blobs.picture(key.removeprefix("/")))))


@pytest.fixture
def painted(bench: Bench) -> str:
    job = bench.work(paint(bench.shared))
    assert isinstance(job.result, InvertResult), job.error
    return job.image_id


def test_a_painted_picture_is_an_image_of_its_own_size(bench: Bench) -> None:
    asked = paint(bench.shared)
    assert (asked.kind, asked.request["width"]) == (JobKind.GENERATE, 48)
    job = bench.work(asked)
    assert isinstance(job.result, InvertResult), job.error
    assert (job.result.psnr, job.result.width, job.result.height) == (100, 48, 32)
    shown = picture(bench, keys.source(job.image_id))
    assert shown.shape == (32, 48, 3)
    assert np.array_equal(picture(bench, job.result.source_url), shown)
    assert np.array_equal(picture(bench, job.result.reconstruction_url), shown)


def test_it_is_painted_once(bench: Bench, painted: str) -> None:
    again = paint(bench.shared)
    assert (again.image_id, again.status) == (painted, JobStatus.SUCCEEDED)
    assert isinstance(again.result, InvertResult)
    assert again.result.cached
    assert paint(bench.shared, seed=1).image_id != painted


def test_its_edits_are_at_its_own_size(bench: Bench, painted: str) -> None:
    (made,) = edited(bench, painted, prompt="a dog on grass", params={"blend_words": ["cat"]}).images
    assert picture(bench, made.url).shape == (32, 48, 3)
    assert made.full_url is not None
    assert made.mask_url is not None
    closed = picture(bench, made.mask_url) == 0
    source = picture(bench, keys.source(painted))
    assert np.array_equal(picture(bench, made.full_url)[closed], source[closed])


def test_it_can_be_inverted_like_a_picture_that_was_sent(bench: Bench) -> None:
    waiting = paint(bench.shared)
    by = {"method": "ddim", "params": {}}
    job = ask(bench.shared, waiting.image_id, by=by, prompt="a dog on grass")
    early = bench.work(job)  # before the job that paints it
    assert isinstance(early.result, EditResult), early.error
    source = picture(bench, keys.source(waiting.image_id))
    assert bench.work(waiting).status is JobStatus.SUCCEEDED
    assert np.array_equal(picture(bench, keys.source(waiting.image_id)), source)


@pytest.mark.parametrize("damage", [None, b"\x89PNG and no more"])
def test_a_picture_that_is_lost_is_painted_again_to_the_bit(
    bench: Bench, painted: str, damage: bytes | None
) -> None:
    blobs, key = bench.shared.blobs, keys.source(painted)
    before = blobs.get(key)
    blobs.put(key, damage) if damage else blobs.delete_prefix(f"{keys.folder(painted)}")
    bench.runner._records._hot.drop_image(painted)
    by = {"method": "ddim", "params": {}}
    job = bench.work(ask(bench.shared, painted, by=by, prompt="a dog on grass"))
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert blobs.get(key) == before


def test_a_picture_that_is_lost_is_painted_again_by_one_worker(
    bench: Bench, painted: str, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.shared.blobs.delete_prefix(keys.folder(painted))
    jobs = [ask(bench.shared, painted, by={"method": each, "params": {}}, prompt="a dog") for each in METHODS]
    together, real, paintings = threading.Barrier(2, timeout=60), engine.paint, []

    def counted(*args: Any, **how: Any) -> engine.SourceRecord:
        paintings.append(args)
        time.sleep(0.2)
        return real(*args, **how)

    monkeypatch.setattr(engine, "paint", counted)

    def work(job: Job) -> Job:
        other = make_bench()
        together.wait()
        return other.work(job)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(work, jobs))
    assert [job.status for job in done] == [JobStatus.SUCCEEDED] * 2, [job.error for job in done]
    assert len(paintings) == 1


def test_a_painting_whose_picture_is_lost_is_restored_from_its_record(
    bench: Bench, painted: str, make_bench: Callable[[], Bench]
) -> None:
    blobs, key = bench.shared.blobs, keys.source(painted)
    before = blobs.get(key)
    blobs.remove(key)
    job = make_bench().work(ask(bench.shared, painted, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert (job.result.source_cached, blobs.get(key)) == (True, before)
