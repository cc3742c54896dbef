"""Edits that need another inversion of the image than its own."""

from collections.abc import Callable

import pytest

import engine
from api_schemas import EditResult, ErrorCode, InvertResult, JobStatus, Progress
from store import Claim, JobStore, Verdict, keys
from tests.workers.conftest import (
    Bench,
    ask,
    edited,
    files,
    inversions_at_once,
    inverted,
    job_of,
    record_of,
    send,
)

DDIM = {"method": "ddim", "params": {}}


def test_an_edit_makes_the_inversion_that_it_needs_and_the_next_one_finds_it(bench: Bench) -> None:
    image = inverted(bench)
    own = edited(bench, image, prompt="a dog on grass")
    job = bench.work(ask(bench.shared, image, by=DDIM, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert (job.warnings, job.result.source_cached) == ([], False)
    assert job.result.images != own.images
    assert job.result.inversion is not None
    assert (job.result.inversion.method, job.result.inversion.prompt) == ("ddim", "a cat on grass")
    found = bench.shared.images.get(image)
    assert found is not None
    assert [(each.method, each.own, each.status) for each in found.inversions] == [
        ("direct", True, "ready"),
        ("ddim", False, "ready"),
    ]
    stored = {name: data for name, data in files(bench.shared, image).items() if name.startswith("records/")}
    for each in found.inversions:
        parts = [stored[f"records/{each.id}/{name}"] for name in ("record.json", "record.safetensors")]
        assert each.bytes == sum(map(len, parts))
    again = edited(bench, image, by=DDIM, prompt="a dog on grass")
    assert (again.source_cached, again.images) == (True, job.result.images)
    assert edited(bench, image, prompt="a dog on grass").images == own.images


def test_inverting_again_what_an_edit_made_measures_it_without_making_it(bench: Bench) -> None:
    image = inverted(bench)
    edited(bench, image, by=DDIM, prompt="a dog on grass")
    job = bench.work(send(bench.shared, method="ddim"))
    assert isinstance(job.result, InvertResult), job.error
    assert (job.image_id, job.result.cached) == (image, True)
    for url in (job.result.source_url, job.result.reconstruction_url):
        assert bench.shared.blobs.exists(url.removeprefix("/"))
        assert record_of(bench.shared, image).record_id in url


def test_the_phases_of_the_inversion_are_part_of_the_edit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    told: list[tuple[str, float | None]] = []
    real = JobStore.progress

    def note(jobs: JobStore, claim: Claim, progress: Progress, eta_s: float | None) -> Verdict:
        told.append((progress.phase, progress.percent))
        return real(jobs, claim, progress, eta_s)

    monkeypatch.setattr(JobStore, "progress", note)
    for pause in ("_EVERY_S", "_SOON_S"):
        monkeypatch.setattr(f"workers.reporter.{pause}", 0.0)
    edited(bench, image, by={"method": "stylediffusion", "params": {"inner_steps": 2}}, prompt="a dog")
    assert list(dict.fromkeys(phase for phase, _ in told)) == [
        *("encode", "invert", "optimize", "edit", "decode", "save")
    ]
    percents = [percent for _, percent in told if percent is not None]
    assert (percents, percents[-1]) == (sorted(percents), 100)


def test_an_inversion_that_fails_in_an_edit_fails_that_edit_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)

    def broken(*_: object, **__: object) -> None:
        raise engine.NumericalError("invert", 3)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "invert", broken)
        job = bench.work(ask(bench.shared, image, by=DDIM, prompt="a dog on grass"))
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.FAILED, ErrorCode.NUMERICAL_ERROR)
    found = bench.shared.images.get(image)
    assert found is not None
    assert [each.method for each in found.inversions] == ["direct"]
    assert not edited(bench, image, by=DDIM, prompt="a dog on grass").source_cached


def test_of_two_edits_that_need_the_same_new_inversion_one_makes_it(
    bench: Bench, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench, steps=30)
    jobs = [ask(bench.shared, image, by=DDIM, prompt=prompt) for prompt in ("a dog on grass", "a ball")]
    assert inversions_at_once(jobs, make_bench, monkeypatch) == 1
    for job in jobs:
        done = job_of(bench.shared, job.id)
        assert (done.status, done.warnings) == (JobStatus.SUCCEEDED, []), done.error
    assert bench.shared.stats().records == 2


def test_every_inversion_goes_with_its_image(bench: Bench) -> None:
    image = inverted(bench)
    edited(bench, image, by=DDIM, prompt="a dog on grass")
    assert bench.shared.stats().records == 2
    assert bench.shared.stats().record_bytes > 0
    assert bench.shared.delete_image(image)
    assert (bench.shared.stats().records, bench.shared.stats().record_bytes) == (0, 0)
    assert files(bench.shared, image) == {}
    assert not list(bench.shared.redis.scan_iter(f"{keys.image(image)}:record*"))
