"""Worker processes as they are deployed: killed, canceled, refused, stopped."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job as Message
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

import engine
import store
from api_schemas import EditResult, Job, JobStatus
from store import Store
from tests.workers.conftest import (
    Process,
    ask,
    bench_for,
    ended,
    job_of,
    running,
    send,
    start,
    until,
    worker_settings,
)
from workers.settings import WorkerSettings

MANY = 100


@pytest.fixture(scope="module")
def module_settings(
    redis_server: str, tmp_path_factory: pytest.TempPathFactory, model_folder: Path
) -> WorkerSettings:
    """Settings of a store that all tests of this module share."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return worker_settings(redis_server, tmp_path_factory.mktemp("shared"), model_folder)


@pytest.fixture(scope="module")
def shared(module_settings: WorkerSettings) -> Iterator[Store]:
    """That store."""
    opened = store.open(module_settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def supervisor(module_settings: WorkerSettings, shared: Store) -> Iterator[Process]:
    """A supervisor and its worker, for all tests of this module."""
    process = start(module_settings, Path(module_settings.store).with_name("log"), "workers")
    try:
        until(lambda: process.popen.poll() is not None or shared.presence.workers(), "the worker")
        yield process
    finally:
        process.popen.terminate()
        process.popen.wait(120)


def worker_pid(supervisor: Process) -> int:
    children = Path(f"/proc/{supervisor.popen.pid}/task/{supervisor.popen.pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def pictures(shared: Store, job: Job) -> list[bytes]:
    assert isinstance(job.result, EditResult), job.error
    return [shared.blobs.get(image.url.removeprefix("/")) for image in job.result.images]


def stored(shared: Store, image_id: str) -> set[str]:
    folder = Path(shared.settings.store) / "images" / image_id
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_edit_sent_before_its_inversion_is_done_finds_it_done(supervisor: Process, shared: Store) -> None:
    inversion = send(shared)
    edit = ask(shared, inversion.image_id, prompt="a dog on grass")
    done = ended(shared, edit.id)
    assert isinstance(done.result, EditResult), (done.error, supervisor.log.read_text())
    assert done.result.source_cached
    assert job_of(shared, inversion.id).status is JobStatus.SUCCEEDED


def test_a_canceled_job_stops_within_its_steps_and_the_model_stays_warm(
    supervisor: Process, shared: Store
) -> None:
    pid = worker_pid(supervisor)
    inversion = send(shared, steps=1000, seed=1)
    held = ask(shared, inversion.image_id, prompt="a dog on grass")
    running(shared, inversion.id, "invert")
    shared.jobs.request_cancel(inversion.id)
    canceled = ended(shared, inversion.id)
    assert canceled.status is JobStatus.CANCELED
    assert canceled.progress is not None
    assert canceled.progress.step < 1000
    assert ended(shared, held.id).status is JobStatus.FAILED
    assert ended(shared, send(shared, seed=2).id).status is JobStatus.SUCCEEDED
    assert worker_pid(supervisor) == pid


@pytest.mark.parametrize("callbacks", [{}, {"on_failure": "os.getcwd"}, {"on_success": "os.getcwd"}])
def test_nothing_but_our_task_is_run(
    supervisor: Process, module_settings: WorkerSettings, tmp_path: Path, callbacks: dict[str, str]
) -> None:
    trace = tmp_path / "trace"
    with Redis.from_url(module_settings.redis_url) as redis:
        queue = Queue("pentimento", connection=redis, serializer=JSONSerializer)
        message = Message.create(
            "os.mkdir", args=[str(trace)], connection=redis, serializer=JSONSerializer, origin=queue.name
        )
        for name, path in callbacks.items():
            setattr(message, f"_{name.removeprefix('on_')}_callback_name", path)
        queue.enqueue_job(message)
        until(
            lambda: FailedJobRegistry(queue=queue).get_job_count(cleanup=False) and message.is_failed,
            "refusal",
        )
        FailedJobRegistry(queue=queue).remove(message.id)
    assert not trace.exists()


def test_a_job_whose_worker_is_killed_is_run_again_with_the_same_result(
    supervisor: Process, shared: Store
) -> None:
    inversion = ended(shared, send(shared, steps=MANY, seed=3).id)
    image = inversion.image_id
    calm = ended(shared, ask(shared, image, prompt="a dog on grass").id)
    before = stored(shared, image)
    again = ask(shared, image, prompt="a dog on grass")
    running(shared, again.id, "edit")
    pid = worker_pid(supervisor)
    os.kill(pid, signal.SIGKILL)
    done = ended(shared, again.id)
    assert worker_pid(supervisor) != pid
    assert pictures(shared, done) == pictures(shared, calm)
    assert stored(shared, image) == before
    assert shared.redis.hget(f"pentimento:job:{again.id}", "losses") == "1"


def test_a_worker_that_was_paused_past_its_lease_changes_nothing(
    supervisor: Process, shared: Store, models: engine.Backbone, module_settings: WorkerSettings
) -> None:
    image = ended(shared, send(shared, steps=MANY, seed=3).id).image_id
    job = ask(shared, image, prompt="a red dog on grass")
    running(shared, job.id, "edit")
    os.kill(worker_pid(supervisor), signal.SIGSTOP)
    try:
        until(lambda: job.id in shared.jobs.reap()[0], "the end of the lease")
        shared.redis.lrem("rq:queue:pentimento", 0, job.id)
        bench = bench_for(models, module_settings, shared)
        claim = shared.jobs.begin(job.id, "other", 60)
        assert claim is not None
        bench.runner.run(claim)
        first = job_of(shared, job.id)
        files = stored(shared, image)
    finally:
        os.kill(worker_pid(supervisor), signal.SIGCONT)
    assert ended(shared, send(shared, seed=7).id).status is JobStatus.SUCCEEDED
    assert first.status is JobStatus.SUCCEEDED
    assert job_of(shared, job.id) == first
    assert stored(shared, image) == files


def test_on_sigterm_the_job_finishes_the_next_stays_queued_and_the_status_is_0(
    supervisor: Process, shared: Store
) -> None:
    now, next_ = send(shared, steps=4 * MANY, seed=5), send(shared, steps=4 * MANY, seed=6)
    running(shared, now.id, "invert")
    assert supervisor.stop() == 0, supervisor.log.read_text()
    assert job_of(shared, now.id).status is JobStatus.SUCCEEDED
    assert job_of(shared, next_.id).status is JobStatus.QUEUED
    assert shared.presence.workers() == []
    lines = [json.loads(line) for line in supervisor.log.read_text().splitlines()]
    assert [line["event"] for line in lines if line.get("job_id") == now.id] == ["job ended"]
