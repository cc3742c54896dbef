"""RQ keeps calling what `workers.worker` overrides, when and how it is overridden for."""

import signal
from datetime import timedelta
from typing import Any

from rq.job import Job as Message
from rq.serializers import JSONSerializer

from api_schemas import ErrorCode, JobStatus, Problem
from store import Store
from tests.workers.conftest import job_of, send
from tests.workers.rq.conftest import FakeRunner
from workers.settings import WorkerSettings
from workers.worker import EditingWorker

WIP = "rq:wip:pentimento"


def test_execute_job_claims_runs_and_leaves_rqs_books_empty(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    job = send(shared)
    seen: list[JobStatus] = []

    def fail() -> None:
        seen.append(job_of(shared, job.id).status)
        shared.jobs.fail(runner.claims[0], Problem.of(ErrorCode.INTERNAL_ERROR, "no"))

    runner.meanwhile = fail
    worker.work(burst=True)
    assert [claim.job_id for claim in runner.claims] == [job.id]
    assert seen == [JobStatus.PROCESSING]
    for key in ("rq:queue:pentimento", "rq:queue:pentimento:intermediate", WIP):
        assert not shared.redis.exists(key)
    assert 0 < shared.redis.ttl(f"rq:job:{job.id}") <= 3600
    assert Message.fetch(job.id, worker.connection, JSONSerializer).get_status() == "failed"


def test_a_job_whose_end_cannot_be_recorded_does_not_end_the_worker(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    jobs = [send(shared, seed=seed).id for seed in range(2)]

    def lose() -> None:
        raise ConnectionError("the store is away")

    runner.meanwhile = lose
    worker.work(burst=True)
    assert [claim.job_id for claim in runner.claims] == jobs


def test_a_job_has_as_long_as_the_settings_say(
    worker: EditingWorker, runner: FakeRunner, shared: Store, settings: WorkerSettings
) -> None:
    left: list[int] = []
    runner.meanwhile = lambda: left.append(signal.alarm(0))
    send(shared)
    worker.work(burst=True)
    assert left == [settings.job_timeout_s]


def test_a_worker_is_in_rqs_books_until_two_minutes_after_its_last_beat(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    left: list[int] = []

    def look() -> None:
        left.append(shared.redis.ttl(worker.key))
        shared.redis.expire(worker.key, 5)
        assert worker.last_heartbeat is not None
        worker.heartbeat()
        left.append(shared.redis.ttl(worker.key))
        worker.last_heartbeat -= timedelta(seconds=1)
        worker.heartbeat()
        left.append(shared.redis.ttl(worker.key))

    runner.meanwhile = look
    send(shared)
    worker.work(burst=True)
    said, silent, again = left
    assert 110 < said <= 120
    assert silent <= 5
    assert 110 < again <= 120


def test_rq_learns_at_a_beat_that_the_worker_is_busy_and_keeps_no_record_of_its_job(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    seen: list[tuple[object, ...]] = []

    def look() -> None:
        assert worker.last_heartbeat is not None
        worker.last_heartbeat -= timedelta(seconds=1)
        worker.heartbeat()
        message = Message.fetch(runner.claims[0].job_id, worker.connection, JSONSerializer)
        about_worker = shared.redis.hmget(worker.key, "state", "current_job")
        seen.append((shared.redis.exists(WIP), message.get_status(), *about_worker))

    runner.meanwhile = look
    send(shared)
    worker.work(burst=True)
    assert seen == [(0, "started", "busy", None)]
    assert shared.redis.hget(worker.key, "state") == "idle"
    message = Message.fetch(runner.claims[0].job_id, worker.connection, JSONSerializer)
    assert message.get_status() == "started"
    assert not shared.redis.keys("rq:results:*")
    assert not shared.redis.keys("rq:finished:*")


def test_run_maintenance_tasks_leaves_lost_jobs_to_our_own_books(
    worker: EditingWorker, shared: Store, runner: FakeRunner
) -> None:
    job = send(shared)
    shared.redis.delete("rq:queue:pentimento")
    shared.redis.zadd(WIP, {f"{job.id}:gone": 1})
    worker.work(burst=True)
    assert (worker.last_cleaned_at is not None, runner.swept > 0) == (True, True)
    lost = Message.fetch(job.id, worker.connection, JSONSerializer)
    assert lost.get_status() == "queued"
    assert not shared.redis.exists("rq:failed:pentimento")


def test_subscribe_opens_no_channel_for_commands(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    channels: list[Any] = []
    runner.meanwhile = lambda: channels.extend(shared.redis.pubsub_channels())
    send(shared)
    worker.work(burst=True)
    assert (len(runner.claims), channels) == (1, [])
    assert worker.pubsub_thread is None
