"""How many jobs may be unended at once, and what the others are told."""

from dataclasses import replace

import pytest
from redis import Redis

import store
from api_schemas import EditRequest, ModelInfo
from store import Ask, QueueFull, Store, StoreSettings
from store.keys import new_job_id
from tests.store.conftest import CAT, IMAGE, PROBLEM, RESULT, begin, edit, invert, job, queued

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


def both(shared: Store, image_id: str, ask: Ask) -> str:
    request = EditRequest(image_id=image_id, prompt="a dog")
    its = replace(ask, job_id=None)
    submission = shared.jobs.submit_both(request, CAT, width=9, height=8, chosen=False, ask=ask, its=its)
    return submission.job_id


def test_an_inversion_and_its_edit_are_queued_both_or_neither(shared: Store) -> None:
    two = Ask(max_queued=2, job_id=new_job_id())
    held = invert(shared, ask=TWO)
    before = sorted(shared.redis.keys("*"))
    with pytest.raises(QueueFull, match="you have as many"):
        both(shared, OTHER, two)
    assert sorted(shared.redis.keys("*")) == before
    assert both(shared, IMAGE, two) == two.job_id, "its inversion is under way"
    shared.jobs.request_cancel(held)
    assert (shared.stats().queued, shared.stats().held) == (0, 0)
    once = replace(two, job_id=new_job_id())
    first = both(shared, OTHER, once)
    assert (shared.stats().queued, shared.stats().held) == (1, 1)
    assert both(shared, OTHER, once) == first, "an answer that was lost is asked for again"
    assert shared.redis.scard("pentimento:tenant:default:unended") == 2


def test_an_empty_queue_takes_both_though_it_may_hold_one(shared: Store) -> None:
    one = Ask(max_queued=1)
    edit = both(shared, IMAGE, one)
    with pytest.raises(QueueFull):
        both(shared, OTHER, one)
    [first] = queued(shared)
    assert shared.jobs.succeed(begin(shared, first), RESULT)
    assert queued(shared) == [edit]


def test_an_inversion_that_failed_or_is_being_canceled_is_made_anew_with_the_edit(shared: Store) -> None:
    first = begin(shared, invert(shared))
    shared.jobs.request_cancel(first.job_id)
    both(shared, IMAGE, Ask())
    assert job(shared, first.job_id).status == "processing"
    second = queued(shared)[-1]
    assert second != first.job_id
    shared.jobs.cancel(first)
    shared.jobs.fail(begin(shared, second), PROBLEM)
    assert shared.stats().held == 0
    both(shared, IMAGE, Ask())
    assert shared.stats().held == 1
