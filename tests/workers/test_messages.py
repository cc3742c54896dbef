"""What a message of the queue may say, and what becomes of one that says something else."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.job import Job as Message
from rq.serializers import JSONSerializer

from store import Store
from store.queue import TASK, message
from tests.workers.conftest import send
from workers.worker import OurJob, Refused


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connection:
        yield connection


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        ("os.getcwd", [], {}),
        (TASK, ["another"], {}),
        (TASK, ["job"], {"more": 1}),
        ("workers.tasks.Running", ["job"], {}),
    ],
)
def test_perform_refuses_all_but_our_task_with_its_own_id(
    redis: Redis, function: str, args: list[str], kwargs: dict[str, int]
) -> None:
    job = OurJob.create(
        function, args=args, kwargs=kwargs, id="job", connection=redis, serializer=JSONSerializer
    )
    with pytest.raises(Refused):
        job.perform()


def test_callbacks_and_webhooks_of_a_message_are_never_even_imported(redis: Redis) -> None:
    job = OurJob.create(TASK, args=["job"], id="job", connection=redis, serializer=JSONSerializer)
    job._success_callback_name = job._failure_callback_name = job._stopped_callback_name = "no.such.module"
    job.webhooks = [cast(Any, None)]
    job.execute_success_callback(SimpleWorker.death_penalty_class, None)
    job.execute_failure_callback(SimpleWorker.death_penalty_class, None, None, None)
    job.execute_stopped_callback(SimpleWorker.death_penalty_class)
    job.send_webhooks("finished")


def test_a_message_is_json_and_does_not_live_for_a_year(redis: Redis, shared: Store) -> None:
    job = send(shared)
    found = Message.fetch(job.id, redis, JSONSerializer)
    assert found.data.startswith(b"[")
    assert (found.func_name, list(found.args)) == (TASK, [job.id])
    assert found.result_ttl == found.failure_ttl == 3600
    assert message(redis, job.id, 60).to_dict().keys() == found.to_dict().keys()
