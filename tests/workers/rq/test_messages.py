"""What a message of the queue may say, and what becomes of one that says something else."""

from collections.abc import Iterator

import pytest
from redis import Redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Callback
from rq.job import Job as Message
from rq.serializers import JSONSerializer

from api_schemas import ErrorCode, Problem
from store import Store
from tests.workers.conftest import send
from tests.workers.rq.conftest import FakeRunner
from workers.worker import EditingWorker, OurJob


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connection:
        yield connection


def test_whatever_stands_in_a_message_its_worker_reads_the_id_alone(redis: Redis) -> None:
    queue = Queue("pentimento", connection=redis, serializer=JSONSerializer)
    written = queue.enqueue("os.getcwd", job_id="job", on_success=Callback("os.abort"), kwargs={"more": 1})
    read = OurJob.fetch(written.id, redis, JSONSerializer)
    assert (read.id, list(read.args), read.kwargs) == ("job", ["job"], {})
    assert read.func_name != written.func_name
    assert read.success_callback is read.failure_callback is read.stopped_callback is None
    assert not read.webhooks


@pytest.mark.parametrize("entry", ["", "not an id", "../job", "job:1"])
def test_what_cannot_be_an_id_is_no_message(redis: Redis, entry: str) -> None:
    with pytest.raises(NoSuchJobError):
        OurJob.fetch(entry, redis, JSONSerializer)


def test_a_message_is_json_that_rqs_tools_can_read_and_does_not_live_for_a_year(
    redis: Redis, shared: Store
) -> None:
    job = send(shared)
    found = Message.fetch(job.id, redis, JSONSerializer)
    assert found.data.startswith(b"[")
    assert (list(found.args), found.kwargs, found.description) == ([job.id], {}, job.id)
    with pytest.raises(ValueError, match="Invalid attribute name"):
        found.perform()
    assert found.result_ttl == found.failure_ttl == 3600
    assert Queue("pentimento", connection=redis, serializer=JSONSerializer).job_ids == [job.id]


def test_a_message_for_a_job_that_is_not_to_be_had_passes_by(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    job = send(shared)
    shared.redis.rpush("rq:queue:pentimento", job.id)
    failed = Problem.of(ErrorCode.INTERNAL_ERROR, "no")

    def fail() -> None:
        shared.jobs.fail(runner.claims[0], failed)

    runner.meanwhile = fail
    worker.work(burst=True)
    assert len(runner.claims) == 1


def test_a_strangers_message_passes_by_unread(
    worker: EditingWorker, runner: FakeRunner, shared: Store
) -> None:
    Queue("pentimento", worker.connection, serializer=JSONSerializer).enqueue("no.such.function")
    shared.redis.lpush("rq:queue:pentimento", "not an id", "nobodys")
    job = send(shared)
    worker.work(burst=True)
    assert [claim.job_id for claim in runner.claims] == [job.id]
    assert not shared.redis.exists("rq:queue:pentimento")
