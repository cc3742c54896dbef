"""How a job ends when the store or the image fails it; nothing here computes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import ResponseError

import engine
from api_schemas import ErrorCode, InvertOptions, InvertResult, Job, JobStatus, Notice
from store import Claim, RecordKey, StorageUnavailable, Store, keys
from store.names import PREFIX
from tests.results import inverted
from tests.workers.conftest import files, job_of, send
from workers import process
from workers.hot import Source
from workers.records import Lost, Records
from workers.reporter import Canceled, Reporter
from workers.runner import Runner
from workers.settings import WorkerSettings
from workers.supervisor import Slot, Supervisor
from workers.watchdog import Guard

RECORD = RecordKey("img_" + "a" * 26, "rec_" + "a" * 26)

Compute = Callable[[Claim, Reporter], InvertResult]


@pytest.fixture
def settings(redis_url: str, tmp_path: object) -> WorkerSettings:
    return WorkerSettings(redis_url=redis_url, store=f"{tmp_path}/store", lease_s=3)


@pytest.fixture
def records(shared: Store) -> Records:
    return Records(
        *(cast(Any, None), shared), hot_bytes=1000, feature_bytes=0, lock_s=3, holding=lambda _: nullcontext()
    )


def run(shared: Store, records: Records, job: Job, compute: Compute) -> Job:
    runner = Runner(cast(Any, None), shared, records, Guard(600), lambda: False, 3)
    runner._compute = compute  # type: ignore[method-assign, assignment]
    claim = shared.jobs.begin(job.id, "bench", 60)
    assert claim is not None
    runner.run(claim)
    return job_of(shared, job.id)


def result(claim: Claim) -> InvertResult:
    return inverted(claim.image_id, claim.record_id)


def test_a_store_that_takes_no_writes_for_a_while_costs_no_job(shared: Store, records: Records) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        raise ResponseError("MISCONF errors writing to the disk")

    job = run(shared, records, send(shared), compute)
    assert (job.status, job.error) == (JobStatus.QUEUED, None)


def test_an_inversion_is_kept_though_its_lock_could_not_be_released(
    shared: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cast(Source, object())
    refused = ResponseError("MISCONF errors writing to the disk")

    def refuse(*_: object) -> None:
        raise refused

    def make(*_: object) -> Source:
        monkeypatch.setattr(shared.redis, "eval", refuse)
        return made

    monkeypatch.setattr(records, "_make", make)
    found = records.ensure(RECORD, cast(Any, None), cast(Any, None))
    assert found == (made, False)


@pytest.mark.parametrize("error", [Canceled(), engine.OutOfMemory("no room")])
def test_what_was_said_before_a_job_failed_or_stopped_is_kept(
    shared: Store, records: Records, error: Exception
) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        reporter.warn("careful", "Be careful.")
        raise error

    job = run(shared, records, send(shared), compute)
    assert job.status.terminal
    assert job.warnings == [Notice(code="careful", message="Be careful.")]


def test_a_job_is_stopped_at_the_step_after_its_deadline(shared: Store, records: Records) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        shared.redis.hset(keys.job(claim.job_id), "deadline", 1)
        reporter(engine.Progress("invert", 1, 2))
        raise AssertionError("it went on")

    job = run(shared, records, send(shared), compute)
    assert job.status is JobStatus.CANCELED
    assert job.error is not None
    assert job.error.code is ErrorCode.DEADLINE_EXCEEDED


def test_a_job_whose_image_is_gone_ends_canceled_and_leaves_no_files(shared: Store, records: Records) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        shared.delete_image(claim.image_id)
        shared.blobs.put(keys.working(*claim.record), b"late")
        return result(claim)

    job = run(shared, records, send(shared), compute)
    assert (job.status, job.result) == (JobStatus.CANCELED, None)
    assert files(shared, job.image_id) == {}


def test_files_that_cannot_be_removed_now_are_left_for_the_keeper(
    shared: Store, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        shared.delete_image(claim.image_id)
        monkeypatch.setattr(type(shared.blobs), "delete_prefix", away)
        return result(claim)

    def away(_: object, prefix: str) -> None:
        raise StorageUnavailable("AccessDenied")

    job = run(shared, records, send(shared), compute)
    assert job.status is JobStatus.CANCELED
    assert shared.redis.zscore(f"{PREFIX}expiry", job.image_id) is not None


@pytest.mark.parametrize("again", [False, True])
def test_a_job_that_is_another_workers_leaves_files_only_if_the_image_is_there(
    shared: Store, records: Records, again: bool
) -> None:
    def compute(claim: Claim, reporter: Reporter) -> InvertResult:
        shared.delete_image(claim.image_id)
        shared.jobs.abandon("bench")
        shared.jobs.reap()
        shared.blobs.put(keys.source(claim.image_id), b"late")
        if again:
            send(shared)
        return result(claim)

    job = run(shared, records, send(shared), compute)
    assert job.status is JobStatus.CANCELED
    assert shared.blobs.exists(keys.source(job.image_id)) is again


def test_an_inversion_in_memory_counts_only_while_it_is_stored(shared: Store, records: Records) -> None:
    kept = cast(Source, SimpleNamespace(nbytes=10, record=SimpleNamespace(key="k")))
    records._hot.put(RECORD, kept)
    shared.blobs.put(keys.record_file(*RECORD, "record.json"), b"{}")
    assert records.find(RECORD, InvertOptions(prompt="a cat")) is kept
    shared.sweep_image(RECORD.image_id)
    assert records.find(RECORD, InvertOptions(prompt="a cat")) is Lost.MISSING
    assert records._hot.nbytes == 0


@pytest.mark.parametrize("safe", [False, True])
def test_a_worker_process_is_started_as_safely_as_its_supervisor_and_is_told_of_it(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch, safe: bool
) -> None:
    started: list[list[str]] = []
    fake = SimpleNamespace(pid=1, wait=lambda: 0)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command) or fake)
    flags = SimpleNamespace(safe_path=safe)
    monkeypatch.setattr("workers.supervisor.sys", SimpleNamespace(executable=sys.executable, flags=flags))
    monkeypatch.setattr("os.getpid", lambda: 4711)
    Supervisor(settings)._start(Slot(device="cpu"))
    [command] = started
    assert command[1 : command.index("-m")] == (["-P"] if safe else [])
    assert command[command.index("--parent") + 1] == "4711"


def test_a_worker_that_lost_its_parent_while_loading_stops_and_leftovers_are_swept_as_it_starts(
    models: engine.Backbone, settings: WorkerSettings, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(engine, "load", lambda *_, **__: models)
    monkeypatch.setattr(process, "WorkerSettings", lambda: settings)
    monkeypatch.setattr("store.logs.configure", lambda: None)
    monkeypatch.setattr("structlog.contextvars.bind_contextvars", lambda **_: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("store.blobs.Blobs.sweep", lambda _: calls.append("swept"))
    monkeypatch.setattr("workers.lease.os.kill", lambda pid, number: calls.append(number))
    monkeypatch.setattr(process, "EditingWorker", lambda **parts: SimpleNamespace(work=lambda: None))
    # No process is its own parent.
    process.main(["--name", "x", "--parent", str(os.getpid())])
    assert calls == ["swept", signal.SIGTERM]
