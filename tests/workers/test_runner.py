"""What becomes of a job, with the real engine, store and files."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import engine
from api_schemas import EditResult, ErrorCode, InvertResult, Job, JobStatus
from store import StorageFull, Store, keys
from store.blobs import Blobs
from tests.workers.conftest import Bench, ask, job_of, send

REMADE = "the stored inversion was missing or damaged and was made again"


def inverted(bench: Bench, steps: int = 4, prompt: str = "a cat on grass") -> str:
    job = bench.work(send(bench.shared, steps=steps, prompt=prompt))
    assert job.status is JobStatus.SUCCEEDED, job.error
    return job.image_id


def edited(bench: Bench, image: str, **request: object) -> EditResult:
    job = bench.work(ask(bench.shared, image, **request))
    assert isinstance(job.result, EditResult), job.error
    return job.result


def files(shared: Store, image: str) -> dict[str, bytes]:
    folder = Path(shared.settings.store) / "images" / image
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(shared: Store, image: str, name: str) -> None:
    data = bytearray(shared.blobs.get(keys.record(image, name)))
    data[len(data) // 2] ^= 1
    shared.blobs.put(keys.record(image, name), bytes(data))


@pytest.mark.parametrize("method", ["direct", "ddim"])
def test_an_inversion_leaves_a_record_and_pictures_of_what_the_model_sees(bench: Bench, method: str) -> None:
    job = bench.work(send(bench.shared, method=method))
    assert isinstance(job.result, InvertResult), job.error
    assert (job.result.width, job.result.height, job.result.cached) == (32, 32, False)
    for url in (job.result.source_url, job.result.reconstruction_url):
        assert bench.shared.blobs.get(url.removeprefix("/")).startswith(b"\x89PNG")
    assert bench.shared.blobs.exists(keys.record(job.image_id, "record.json"))


def test_an_edit_answers_each_prompt_with_a_picture_its_mask_and_its_metrics(bench: Bench) -> None:
    image = inverted(bench)
    prompts = ["a dog on grass", "a ball on grass"]
    result = edited(
        bench, image, prompts=prompts, params={"blend_words": "changed", "reweight": {"grass": 2}}
    )
    assert [one.prompt for one in result.images] == prompts
    for one in result.images:
        assert one.mask_url is not None
        for url in (one.url, one.mask_url):
            assert bench.shared.blobs.get(url.removeprefix("/")).startswith(b"\x89PNG")
    assert edited(bench, image, prompt="a dog on grass").images[0].mask_url is None


def test_every_parameter_of_the_wire_reaches_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    seen: list[engine.Edit] = []
    real = engine.edit

    def spy(models: engine.Models, record: engine.SourceRecord, edit: engine.Edit, **how: object) -> object:
        seen.append(edit)
        return real(models, record, edit)

    monkeypatch.setattr(engine, "edit", spy)
    params: dict[str, Any] = {
        "edit": "refine",
        "tau_c": {"default": 0.8, "dog": [0.1, 0.3]},
        "tau_s": [0.1, 0.5],
        "reweight": {"dog": -1.0},
        "blend_words": ["cat", "dog"],
        "subtract_words": ["grass"],
        "blend_threshold": 0.4,
        "blend_start": 0.5,
    }
    edited(bench, image, prompt="a dog on grass", params=params, guidance_scale=2.5)
    wanted = {**params, "tau_c": {"default": 0.8, "dog": (0.1, 0.3)}, "tau_s": (0.1, 0.5)}
    assert seen == [engine.Edit(prompt=("a dog on grass",), method=engine.P2P(**wanted), guidance_scale=2.5)]


def test_a_job_gives_the_same_bytes_whatever_ran_before_it(bench: Bench) -> None:
    image = inverted(bench)
    first = edited(bench, image, prompt="a dog on grass")
    edited(bench, image, prompt="a red cat on grass", params={"blend_words": "changed"})
    again = edited(bench, image, prompt="a dog on grass")
    assert again.images == first.images


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


@pytest.mark.parametrize(
    ("request_", "code", "member"),
    [
        ({"prompt": "a dog on grass", "params": {"reweight": {"zebra": 2}}}, ErrorCode.UNKNOWN_WORD, "word"),
        ({"prompt": "a dog", "params": {"edit": "replace"}}, ErrorCode.PROMPTS_DO_NOT_ALIGN, None),
        ({"prompt": "dog " * 60}, ErrorCode.PROMPT_TOO_LONG, "limit"),
    ],
)
def test_what_the_engine_refuses_is_the_error_of_the_job(
    bench: Bench, request_: dict[str, object], code: ErrorCode, member: str | None
) -> None:
    job = bench.work(ask(bench.shared, inverted(bench), **request_))
    assert job.error is not None
    assert (job.status, job.error.code, job.error.status) == (JobStatus.FAILED, code, 422)
    assert member is None or getattr(job.error, member)


def test_an_unforeseen_error_tells_the_client_where_to_look_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret path /root/x")

    monkeypatch.setattr(engine, "edit", broken)
    job = bench.work(ask(bench.shared, image, prompt="a dog on grass"))
    assert job.error is not None
    assert job.error.code is ErrorCode.INTERNAL_ERROR
    assert "secret" not in job.error.detail
    assert job.id in job.error.detail


def test_a_full_disk_fails_the_job_and_leaves_what_was_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    before = files(bench.shared, image)

    def full(self: Blobs, key: str, data: bytes) -> None:
        raise StorageFull(key)

    monkeypatch.setattr(Blobs, "put", full)
    job = bench.work(ask(bench.shared, image, prompt="a dog on grass"))
    assert job.error is not None
    assert job.error.code is ErrorCode.INSUFFICIENT_STORAGE
    assert files(bench.shared, image) == before


def test_latents_that_are_not_finite_fail_the_job_and_are_not_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.inverters.ddim.to_eps", lambda said, *_: said * float("nan"))
    job = bench.work(send(bench.shared))
    assert job.error is not None
    assert job.error.code is ErrorCode.NUMERICAL_ERROR
    assert list(files(bench.shared, job.image_id)) == ["source.png"]


@pytest.mark.parametrize("fails_alone", [False, True])
def test_out_of_memory_is_tried_once_more_prompt_by_prompt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails_alone: bool
) -> None:
    image = inverted(bench)
    real = engine.edit

    def greedy(
        models: engine.Models, record: engine.SourceRecord, edit: engine.Edit, **how: object
    ) -> engine.EditResult:
        if fails_alone or edit.only is None:
            raise engine.OutOfMemory("no room")
        return real(models, record, edit)

    monkeypatch.setattr(engine, "edit", greedy)
    params = {"reweight": {"ball": 2.0}, "blend_words": ["dog", "ball"]}
    job = bench.work(ask(bench.shared, image, prompts=["a dog on grass", "a ball on grass"], params=params))
    assert bench.runner.tainted is fails_alone
    if fails_alone:
        assert job.error is not None
        assert job.error.code is ErrorCode.OUT_OF_MEMORY
    else:
        assert isinstance(job.result, EditResult), job.error
        assert len(job.result.images) == 2
        assert "one by one" in job.warnings[0]


def test_a_worker_that_must_leave_hands_its_job_back(bench: Bench) -> None:
    bench.leave.append(True)
    job = bench.work(send(bench.shared))
    assert (job.status, job.progress) == (JobStatus.QUEUED, None)
    assert bench.shared.redis.lrange("rq:queue:pentimento", 0, -1) == [job.id]
    bench.leave.clear()
    assert bench.work(job).status is JobStatus.SUCCEEDED


def test_what_a_job_stores_for_an_image_that_was_deleted_meanwhile_is_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = inverted(bench)
    real = Blobs.put

    def deleted_first(self: Blobs, key: str, data: bytes) -> None:
        bench.shared.delete_image(image)
        real(self, key, data)

    monkeypatch.setattr(Blobs, "put", deleted_first)
    bench.work(ask(bench.shared, image, prompt="a dog on grass"))
    assert files(bench.shared, image) == {}


def test_the_guard_watches_a_job_and_rests_after_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("workers.guard.Guard.alive", lambda _: calls.append("alive"))
    monkeypatch.setattr("workers.guard.Guard.rest", lambda _: calls.append("rest"))
    bench.work(send(bench.shared, steps=4))
    assert calls.count("alive") > 4
    assert (calls.count("rest"), calls[-1]) == (1, "rest")


def test_a_claim_that_lapsed_records_nothing(bench: Bench) -> None:
    job = send(bench.shared)
    stale = bench.shared.jobs.begin(job.id, "stale", 0)
    assert stale is not None
    bench.shared.jobs.reap()
    fresh = bench.shared.jobs.begin(job.id, "fresh", 60)
    assert fresh is not None
    bench.runner.run(stale)
    assert job_of(bench.shared, job.id).status is JobStatus.PROCESSING
    bench.runner.run(fresh)
    assert job_of(bench.shared, job.id).status is JobStatus.SUCCEEDED
