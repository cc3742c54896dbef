"""Stored inversions that are damaged, lost, or another model's."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

import engine
from api_schemas import EditResult, Job, JobStatus
from store import Store, keys
from tests.workers.conftest import Bench, ask, edited, files, inverted, job_of

REMADE = "the stored inversion was missing or damaged and was made again"


def damage(shared: Store, image: str, name: str) -> None:
    data = bytearray(shared.blobs.get(keys.record(image, name)))
    data[len(data) // 2] ^= 1
    shared.blobs.put(keys.record(image, name), bytes(data))


@pytest.mark.parametrize("name", ["record.json", "record.safetensors"])
def test_a_damaged_inversion_is_put_aside_and_made_again_with_the_same_result(
    bench: Bench, make_bench: Callable[[], Bench], name: str
) -> None:
    image = inverted(bench)
    before, calm = files(bench.shared, image), edited(bench, image, prompt="a dog on grass")
    damage(bench.shared, image, name)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert job.warnings == [REMADE]
    assert not job.result.source_cached
    assert job.result.images == calm.images
    after = files(bench.shared, image)
    assert {name: after[name] for name in before} == before
    assert f"quarantine/{name}" in after


@pytest.mark.parametrize("lost", ["record.json", ""])
def test_an_inversion_lost_or_cut_short_is_made_again_from_the_picture_that_was_sent(
    bench: Bench, make_bench: Callable[[], Bench], lost: str
) -> None:
    image = inverted(bench)
    bench.shared.blobs.delete_prefix(f"images/{image}/record/{lost}")
    assert not edited(make_bench(), image, prompt="a dog on grass").source_cached
    assert edited(make_bench(), image, prompt="a dog on grass").source_cached


def test_an_inversion_by_another_model_is_made_again(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    image = inverted(bench)
    calm = edited(bench, image, prompt="a dog on grass")
    record = bench.records.find(image)
    assert record is not None
    for name, data in replace(record.record, revision="older").pack().items():
        bench.shared.blobs.put(keys.record(image, name), data)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert (job.result.source_cached, job.result.images) == (False, calm.images)
    assert job.warnings == ["the stored inversion was of another model and was made again"]


def test_of_two_workers_that_need_the_same_inversion_one_makes_it(
    bench: Bench, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench, steps=30)
    bench.shared.blobs.delete_prefix(f"images/{image}/record/")
    jobs = [ask(bench.shared, image, prompt=prompt) for prompt in ("a dog on grass", "a ball on grass")]
    both, made = threading.Barrier(2, timeout=60), []
    real = engine.invert

    def counted(*args: object, **how: object) -> engine.SourceRecord:
        made.append(1)
        return real(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "invert", counted)

    def work(job: Job) -> None:
        worker = make_bench()
        both.wait()
        worker.work(job)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 1
    for job in jobs:
        done = job_of(bench.shared, job.id)
        assert done.status is JobStatus.SUCCEEDED, done.error
