"""Webhooks that are owed: by every end, to all who asked, until one process has settled each."""

from time import time

import pytest

from store import Owed, Store, keys
from tests.store.conftest import IMAGE, RESULT, STEPS, begin, edit, invert

URL = "https://example.com/hook?a=b c"


def taken(shared: Store, lease_s: float = 30) -> Owed:
    owed = shared.outbox.take(lease_s)
    assert owed is not None
    return owed


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_a_webhook_is_owed_once_its_job_has_ended_however_it_did(shared: Store, end: str) -> None:
    claim = begin(shared, invert(shared, webhook=URL))
    assert shared.outbox.take(30) is None
    STEPS[end](shared, claim)
    owed = Owed(job_id=claim.job_id, tenant="default", url=URL, attempt=1)
    assert taken(shared) == owed
    assert shared.outbox.take(30) is None
    assert shared.outbox.done(owed, "first")
    assert shared.outbox.log(claim.job_id) == ["first"]
    assert shared.outbox.urls(claim.job_id) == [URL]
    assert shared.redis.keys("pentimento:outbox*") == []


def test_jobs_that_never_run_owe_theirs_too(shared: Store) -> None:
    assert shared.outbox.urls(invert(shared)) == []
    held, gone = edit(shared, webhook=URL), edit(shared, webhook=URL)
    shared.jobs.request_cancel(gone)
    assert taken(shared).job_id == gone
    shared.jobs.succeed(begin(shared, invert(shared)), RESULT)
    cached = invert(shared, webhook=URL)
    assert taken(shared).job_id == cached
    shared.jobs.request_cancel(held)
    assert taken(shared).job_id == held


def test_all_who_asked_for_the_same_inversion_are_called(shared: Store) -> None:
    job_id = invert(shared, webhook="https://a")
    assert {invert(shared, webhook=url) for url in ("https://b", "https://a")} == {job_id}
    shared.jobs.succeed(begin(shared, job_id), RESULT)
    calls = [taken(shared), taken(shared)]
    assert {owed.url for owed in calls} == {"https://a", "https://b"}
    assert shared.outbox.take(30) is None
    for owed in calls:
        assert shared.outbox.done(owed, owed.url)
    assert sorted(shared.outbox.log(job_id)) == ["https://a", "https://b"]


def test_a_call_that_failed_is_due_again_later(shared: Store) -> None:
    shared.jobs.request_cancel(invert(shared, webhook=URL))
    first = taken(shared)
    assert shared.outbox.again(first, "no answer", 60)
    assert shared.outbox.take(30) is None
    left_s = shared.redis.zscore("pentimento:outbox", f"{first.job_id} {URL}") / 1000 - time()
    assert left_s == pytest.approx(60, abs=5)
    shared.redis.zadd("pentimento:outbox", {f"{first.job_id} {URL}": 0})
    second = taken(shared)
    assert second.attempt == 2
    assert shared.outbox.done(second, "ok")
    assert shared.outbox.log(first.job_id) == ["no answer", "ok"]


def test_what_a_killed_process_had_taken_is_anothers_later_and_only_the_others(shared: Store) -> None:
    shared.jobs.request_cancel(invert(shared, webhook=URL))
    lost = taken(shared, lease_s=0)
    found = taken(shared)
    assert (found.job_id, found.attempt) == (lost.job_id, 2)
    assert not shared.outbox.done(lost, "mine")
    assert not shared.outbox.again(lost, "mine", 1)
    assert shared.outbox.done(found, "ok")
    assert shared.outbox.log(found.job_id) == ["ok"]


def test_a_call_that_is_settled_twice_since_the_answer_was_lost_is_logged_once(shared: Store) -> None:
    shared.jobs.request_cancel(invert(shared, webhook=URL))
    owed = taken(shared)
    for _ in range(2):
        assert shared.outbox.again(owed, "one", 0)
    owed = taken(shared)
    for _ in range(2):
        assert shared.outbox.done(owed, "two")
    assert shared.outbox.log(owed.job_id) == ["one", "two"]


def test_the_log_is_bounded_and_forgotten_with_its_job_and_so_is_what_is_owed(shared: Store) -> None:
    shared.jobs.request_cancel(invert(shared, webhook=URL))
    for number in range(60):
        owed = taken(shared)
        assert shared.outbox.again(owed, str(number), 0)
    assert shared.outbox.log(owed.job_id) == [str(number) for number in range(10, 60)]
    expiry = shared.redis.pexpiretime(keys.job(owed.job_id))
    for key in (keys.deliveries(owed.job_id), keys.webhooks(owed.job_id)):
        assert shared.redis.pexpiretime(key) == expiry
    shared.redis.delete(keys.job(owed.job_id))
    assert shared.outbox.take(30) is None
    assert shared.redis.keys("pentimento:outbox*") == []


def test_a_deleted_image_owes_nothing_for_jobs_that_had_ended_and_tells_of_those_it_canceled(
    shared: Store,
) -> None:
    shared.jobs.succeed(begin(shared, invert(shared, webhook=URL)), RESULT)
    taken(shared)
    waiting = edit(shared, webhook=URL)
    assert shared.delete_image(IMAGE)
    owed = taken(shared)
    assert (owed.job_id, owed.attempt) == (waiting, 1)
    assert shared.outbox.take(30) is None
