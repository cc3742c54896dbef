"""Stored inversions that are damaged, lost, or another model's."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from api_schemas import EditResult, ErrorCode, JobStatus
from store import Store, keys
from tests.workers.conftest import (
    Bench,
    ask,
    edited,
    files,
    inversions_at_once,
    inverted,
    job_of,
    own,
    picture,
    record_of,
    send,
)
from workers.hot import Source


def damage(shared: Store, image: str, name: str) -> None:
    key = keys.record_file(*record_of(shared, image), name)
    data = bytearray(shared.blobs.get(key))
    data[len(data) // 2] ^= 1
    shared.blobs.put(key, bytes(data))


def folder(shared: Store, image: str) -> str:
    return f"records/{record_of(shared, image).record_id}"


@pytest.mark.parametrize("name", ["record.json", "record.safetensors"])
def test_a_damaged_inversion_is_put_aside_and_made_again_with_the_same_result(
    bench: Bench, make_bench: Callable[[], Bench], name: str
) -> None:
    image = inverted(bench)
    before, calm = files(bench.shared, image), edited(bench, image, prompt="a dog on grass")
    damage(bench.shared, image, name)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert [warning.code for warning in job.warnings] == ["inversion_damaged"]
    assert not job.result.source_cached
    assert job.result.images == calm.images
    after = files(bench.shared, image)
    assert {name: after[name] for name in before} == before
    assert f"{folder(bench.shared, image)}/quarantine/{name}" in after


@pytest.mark.parametrize("lost", ["/record.json", "/"])
def test_an_inversion_lost_or_cut_short_is_made_again_from_the_picture_that_was_sent(
    bench: Bench, make_bench: Callable[[], Bench], lost: str
) -> None:
    image = inverted(bench)
    bench.shared.blobs.delete_prefix(f"images/{image}/{folder(bench.shared, image)}{lost}")
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert [warning.code for warning in job.warnings] == ["inversion_missing"]
    assert not job.result.source_cached
    assert edited(make_bench(), image, prompt="a dog on grass").source_cached


def test_an_inversion_by_another_model_is_made_again(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    image = inverted(bench)
    calm = edited(bench, image, prompt="a dog on grass")
    key = record_of(bench.shared, image)
    source = bench.records.find(key, own(bench.shared, image))
    assert isinstance(source, Source)
    for name, data in replace(source.record, revision="older").pack().items():
        bench.shared.blobs.put(keys.record_file(*key, name), data)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert (job.result.source_cached, job.result.images) == (False, calm.images)
    assert [warning.code for warning in job.warnings] == ["inversion_foreign"]


@pytest.mark.parametrize("kind", ["edit", "invert"])
def test_an_inversion_in_an_older_format_is_made_again_with_a_warning(
    bench: Bench, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    image = inverted(bench)
    calm = edited(bench, image, prompt="a dog on grass")
    key = record_of(bench.shared, image)
    source = bench.records.find(key, own(bench.shared, image))
    assert isinstance(source, Source)
    with monkeypatch.context() as past:
        past.setattr("engine.record.FORMAT", 1)
        for name, data in source.record.pack().items():
            bench.shared.blobs.put(keys.record_file(*key, name), data)
    if kind == "edit":
        job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
        assert isinstance(job.result, EditResult), job.error
        assert (job.result.source_cached, job.result.images) == (False, calm.images)
    else:
        # That it is stored does not mean that it was measured.
        bench.shared.redis.hdel(keys.record(*key), "result")
        job = make_bench().work(send(bench.shared))
        assert job.status is JobStatus.SUCCEEDED, job.error
    assert [warning.code for warning in job.warnings] == ["inversion_older"]
    assert edited(make_bench(), image, prompt="a dog on grass").source_cached


def test_of_two_workers_that_need_the_same_inversion_one_makes_it(
    bench: Bench, make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench, steps=30)
    bench.shared.blobs.delete_prefix(f"images/{image}/records/")
    jobs = [ask(bench.shared, image, prompt=prompt) for prompt in ("a dog on grass", "a ball on grass")]
    assert inversions_at_once(jobs, make_bench, monkeypatch) == 1
    for job in jobs:
        done = job_of(bench.shared, job.id)
        assert done.status is JobStatus.SUCCEEDED, done.error


def test_a_whole_inversion_of_another_picture_is_not_used(
    bench: Bench, make_bench: Callable[[], Bench]
) -> None:
    image, other = inverted(bench), bench.work(send(bench.shared, seed=1)).image_id
    calm = edited(bench, image, prompt="a dog on grass")
    for name in ("record.json", "record.safetensors"):
        foreign = bench.shared.blobs.get(keys.record_file(*record_of(bench.shared, other), name))
        bench.shared.blobs.put(keys.record_file(*record_of(bench.shared, image), name), foreign)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert isinstance(job.result, EditResult), job.error
    assert [warning.code for warning in job.warnings] == ["inversion_damaged"]
    assert (job.result.source_cached, job.result.images) == (False, calm.images)


def png_of(seed: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "PNG")
    return buffer.getvalue()


def flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("instead", [flipped(png_of(0)), png_of(0)[:-20], png_of(1)])
def test_a_picture_that_is_not_the_one_that_was_sent_is_told_and_mended_by_sending_it_again(
    bench: Bench, make_bench: Callable[[], Bench], instead: bytes
) -> None:
    image = inverted(bench)
    calm = edited(bench, image, prompt="a dog on grass")
    bench.shared.blobs.put(keys.source(image), instead)
    job = make_bench().work(ask(bench.shared, image, prompt="a dog on grass"))
    assert job.error is not None
    assert (job.status, job.error.code, job.error.status) == (JobStatus.FAILED, ErrorCode.DAMAGED, 410)
    send(bench.shared)
    assert edited(make_bench(), image, prompt="a dog on grass").images == calm.images
