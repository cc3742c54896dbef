"""How jobs fail, and what a failure leaves behind."""

from collections.abc import Callable

import pytest

import engine
from api_schemas import EditResult, ErrorCode, JobStatus
from store import StorageFull, StorageUnavailable
from store.blobs import Blobs
from tests.workers.conftest import Bench, ask, files, inverted, job_of, own, record_of, send
from workers.records import Lost


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


def away(monkeypatch: pytest.MonkeyPatch, times: float, meanwhile: Callable[[], object] = list) -> list[str]:
    """Let so many writes of files fail; gives the keys of all that were tried."""
    tried: list[str] = []
    real = Blobs.put

    def put(blobs: Blobs, key: str, data: bytes) -> None:
        tried.append(key)
        if len(tried) <= times:
            meanwhile()
            raise StorageUnavailable("SlowDown")
        real(blobs, key, data)

    monkeypatch.setattr(Blobs, "put", put)
    return tried


def test_no_work_is_lost_to_a_store_of_files_that_comes_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(bench.shared)
    tried = away(monkeypatch, 3)
    monkeypatch.setattr("workers.retry.sleep", lambda _: None)
    assert bench.work(sent).status is JobStatus.SUCCEEDED
    assert tried[:4] == [tried[0]] * 4
    assert len(set(tried)) == len(tried) - 3


def test_a_store_of_files_that_stays_away_fails_the_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(bench.shared)
    monkeypatch.setattr("workers.retry._PATIENCE_S", 0.0)
    away(monkeypatch, float("inf"))
    job = bench.work(sent)
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.FAILED, ErrorCode.STORAGE_UNAVAILABLE)


def test_a_job_that_waits_for_the_store_of_files_can_be_canceled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(bench.shared)
    away(monkeypatch, float("inf"), lambda: bench.shared.jobs.request_cancel(sent.id))
    assert bench.work(sent).status is JobStatus.CANCELED


def test_latents_that_are_not_finite_fail_the_job_and_are_not_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.backbones.unet.held", lambda output, *_: output * float("nan"))
    job = bench.work(send(bench.shared))
    assert job.error is not None
    assert job.error.code is ErrorCode.NUMERICAL_ERROR
    assert list(files(bench.shared, job.image_id)) == ["source.png"]


def test_an_inversion_that_cannot_be_learned_fails_with_its_edits_and_is_kept_nowhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, on_progress: engine.progress.OnProgress, **__: object) -> None:
        on_progress(engine.Progress("optimize", 5, 10))
        raise engine.NumericalError("optimize", 3)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "invert", broken)
        sent = send(bench.shared)
        held = ask(bench.shared, sent.image_id, prompt="a dog on grass")
        job = bench.work(sent)
    for ended in (job, job_of(bench.shared, held.id)):
        assert ended.error is not None
        assert (ended.status, ended.error.code) == (JobStatus.FAILED, ErrorCode.NUMERICAL_ERROR)
    assert list(files(bench.shared, job.image_id)) == ["source.png"]
    assert (
        bench.records.find(record_of(bench.shared, job.image_id), own(bench.shared, job.image_id))
        is Lost.MISSING
    )
    assert inverted(bench) == job.image_id


@pytest.mark.parametrize("fails_alone", [False, True])
def test_out_of_memory_is_tried_once_more_prompt_by_prompt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails_alone: bool
) -> None:
    image = inverted(bench)
    real = engine.edit

    def greedy(
        models: engine.Backbone, record: engine.SourceRecord, edit: engine.Edit, **how: object
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
        assert job.warnings[0].code == "one_by_one"
