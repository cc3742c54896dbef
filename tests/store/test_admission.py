"""How many jobs may be unended at once, and what the others are told."""

import pytest
from redis import Redis

import store
from api_schemas import ModelInfo
from store import Ask, QueueFull, Store, StoreSettings
from tests.store.conftest import IMAGE, RESULT, begin, edit, invert, job, queued

MODEL = ModelInfo(name="miniature", size=64, token_limit=77, guidance_scale=3.0)
OTHER = "img_" + "b" * 26
TWO = Ask(max_queued=2)


def retry_after(shared: Store, ask: Ask, image_id: str = OTHER) -> int:
    with pytest.raises(QueueFull) as caught:
        invert(shared, image_id, ask)
    return caught.value.retry_after_s


def test_a_tenant_has_so_many_unended_jobs_and_each_that_ends_makes_room(shared: Store) -> None:
    claim = begin(shared, invert(shared, ask=TWO))
    held = edit(shared, ask=TWO)
    before = sorted(shared.redis.keys("*"))
    with pytest.raises(QueueFull, match="you have as many"):
        edit(shared, ask=TWO)
    with pytest.raises(QueueFull, match="you have as many"):
        invert(shared, OTHER, TWO)
    assert sorted(shared.redis.keys("*")) == before
    invert(shared, OTHER, Ask(tenant="other", max_queued=2))
    shared.jobs.request_cancel(held)
    again = edit(shared, ask=TWO)
    shared.jobs.succeed(claim, RESULT)
    shared.jobs.request_cancel(again)
    assert shared.redis.scard("pentimento:tenant:default:unended") == 0
    invert(shared, "img_" + "c" * 26, TWO)


def test_the_queue_holds_so_many_of_all_tenants_together(settings: StoreSettings) -> None:
    shared = store.open(settings.model_copy(update={"queue_limit": 2}))
    try:
        invert(shared)
        edit(shared)
        with pytest.raises(QueueFull, match="the queue may hold"):
            invert(shared, OTHER, Ask(tenant="other"))
    finally:
        shared.close()


def test_what_needs_no_worker_is_answered_though_the_queue_is_full(shared: Store) -> None:
    one = Ask(max_queued=1)
    claim = begin(shared, invert(shared, ask=one))
    assert invert(shared, ask=one) == claim.job_id
    shared.jobs.succeed(claim, RESULT)
    assert edit(shared, ask=one) in queued(shared)
    assert job(shared, invert(shared, IMAGE, one)).result is not None


def test_the_time_to_come_back_is_what_the_queue_takes_to_drain(shared: Store, redis_url: str) -> None:
    one = Ask(max_queued=1)
    invert(shared)
    assert retry_after(shared, one) == 5
    shared.redis.hset("pentimento:recent", mapping={"invert": 12.4, "edit": 2})
    assert retry_after(shared, one) == 13
    for _ in range(3):
        edit(shared)
    assert retry_after(shared, one) == 19
    shared.presence.publish("one", MODEL, 60)
    shared.presence.publish("two", MODEL, 60)
    shared.presence.publish("dead", MODEL, -1)
    assert retry_after(shared, one) == 10
    with Redis.from_url(redis_url) as redis:
        redis.hset("pentimento:recent", "edit", 1e6)
        assert retry_after(shared, one) == 3600
        redis.hset("pentimento:recent", mapping={"invert": 0.001, "edit": 0.001})
        assert retry_after(shared, one) == 1
