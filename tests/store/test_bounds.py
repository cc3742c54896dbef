"""What no limit of the queue bounds: answers at once, joins, and how long one script keeps the server."""

from typing import Any

import pytest

from api_schemas import JobStatus
from store import Ask, QueueFull, Store, keys
from store.asking import How
from tests.store.conftest import CAT, IMAGE, RECORD, RESULT, invert


def begin(shared: Store, job_id: str) -> Any:
    claim = shared.jobs.begin(job_id, "test", 30)
    assert claim is not None
    return claim


def test_answers_from_what_is_there_are_few_and_short_lived(shared: Store) -> None:
    shared.jobs.succeed(begin(shared, invert(shared)), RESULT)
    before = set(shared.redis.scan_iter("pentimento:job:*"))
    made = [shared.jobs.submit_invert(IMAGE, CAT, model="miniature", width=9, height=8) for _ in range(620)]
    assert {each.how for each in made} == {How.CACHED}
    left = set(shared.redis.scan_iter("pentimento:job:*")) - before
    assert len({key for key in left if key.count(":") == 2}) <= 500
    assert shared.redis.zcard(keys.jobs_by("default")) <= 501
    assert shared.redis.zcard(keys.jobs_of(IMAGE)) <= 501
    assert all(0 < shared.redis.ttl(key) <= 600 for key in left)
    newest = shared.jobs.get(made[-1].job_id)
    assert newest is not None
    assert newest.status is JobStatus.SUCCEEDED


def test_joins_call_a_few_webhooks_and_none_twice(shared: Store) -> None:
    job_id = invert(shared, webhook="https://a.example/0")
    for number in range(10):
        assert invert(shared, webhook=f"https://a.example/{number}") == job_id
        assert invert(shared, webhook=f"https://a.example/{number}") == job_id
    with pytest.raises(QueueFull, match="webhooks"):
        invert(shared, webhook="https://a.example/10")
    assert invert(shared) == job_id
    assert shared.redis.scard(keys.webhooks(job_id)) == 10


def test_an_image_with_very_many_jobs_is_deleted_in_slices(shared: Store) -> None:
    running = invert(shared)
    begin(shared, running)
    many = [f"job_{number:026d}" for number in range(2000)]
    with shared.redis.pipeline(transaction=False) as pipeline:
        for at, job_id in enumerate(many):
            facts = {"tenant": "default", "image_id": IMAGE, "status": "succeeded"}
            pipeline.hset(keys.job(job_id), mapping=facts)
            pipeline.zadd(keys.jobs_of(IMAGE), {job_id: at})
            pipeline.zadd(keys.jobs_by("default"), {job_id: at})
        pipeline.execute()
    shared.redis.config_resetstat()
    assert shared.jobs.delete_image(IMAGE)
    calls = shared.redis.info("commandstats")
    scripts = sum(calls[name]["calls"] for name in ("cmdstat_evalsha", "cmdstat_eval") if name in calls)
    assert scripts >= 1 + len(many) // 500
    assert not shared.redis.exists(*(keys.job(job_id) for job_id in many))
    assert shared.redis.zrange(keys.jobs_of(IMAGE), 0, -1) == [running]
    assert shared.redis.zrange(keys.jobs_by("default"), 0, -1) == [running]


def test_the_preview_of_a_running_job_goes_with_its_image(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    shared.jobs.preview(claim, b"PNG")
    assert shared.jobs.latest_preview(claim.job_id) == b"PNG"
    assert shared.jobs.delete_image(IMAGE)
    assert shared.jobs.latest_preview(claim.job_id) is None
    shared.jobs.preview(claim, b"another")
    assert shared.jobs.latest_preview(claim.job_id) is None


def test_no_cursor_names_a_job_of_another_tenant(shared: Store) -> None:
    for number in range(3):
        ask = Ask(tenant="theirs", job_id=f"job_{number:026d}")
        inversion = CAT.model_copy(update={"prompt": f"a cat {number}"})
        invert(shared, ask=ask, inversion=inversion)
    assert RECORD
    assert len(shared.jobs.page("theirs", limit=10, image_id=IMAGE)[0]) == 3
    assert shared.jobs.page("ours", limit=1, image_id=IMAGE) == ([], None)
