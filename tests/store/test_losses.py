"""Jobs whose worker is gone."""

import pytest

from api_schemas import (
    ErrorCode,
    JobStatus,
)
from store import Store, Verdict
from tests.store.conftest import QUEUE, RESULT, begin, edit, invert, queued, status


def test_a_worker_that_asks_again_since_the_answer_was_lost_has_begun_its_job_once(shared: Store) -> None:
    first = begin(shared, invert(shared), lease_s=0)
    assert begin(shared, first.job_id) == first
    assert shared.jobs.reap() == ([], [])
    shared.jobs.succeed(first, RESULT)
    assert shared.jobs.begin(first.job_id, "worker", 30) is None


def test_a_lost_job_is_queued_again_until_it_is_lost_for_good(shared: Store) -> None:
    job_id = invert(shared)
    held = edit(shared)
    for _ in range(2):
        begin(shared, job_id, lease_s=0)
        assert shared.jobs.reap() == ([job_id], [])
    begin(shared, job_id, lease_s=0)
    assert shared.jobs.reap() == ([], [job_id])
    for ended in (job_id, held):
        job = shared.jobs.get(ended)
        assert job is not None
        assert job.error is not None
        assert job.error.code is ErrorCode.WORKER_LOST


def test_a_live_job_is_not_reaped_unless_its_worker_is_known_dead(shared: Store) -> None:
    job_id = invert(shared)
    begin(shared, job_id, lease_s=30)
    assert shared.jobs.reap() == ([], [])
    shared.jobs.abandon("someone else")
    assert shared.jobs.reap() == ([], [])
    shared.jobs.abandon("worker")
    assert shared.jobs.reap() == ([job_id], [])


def test_a_heartbeat_keeps_the_job(shared: Store) -> None:
    claim = begin(shared, invert(shared), lease_s=0)
    assert shared.jobs.beat(claim, 30) is Verdict.OK
    assert shared.jobs.reap() == ([], [])


def test_a_job_popped_by_a_worker_that_died_before_beginning_it_comes_back(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = invert(shared)
    shared.redis.lmove(QUEUE, f"{QUEUE}:intermediate")
    shared.redis.delete(f"rq:job:{job_id}")
    assert shared.jobs.reap() == ([], [])
    monkeypatch.setattr("store.jobs._POPPED_MS", 0)
    assert shared.jobs.reap() == ([job_id], [])
    assert queued(shared) == [job_id]
    assert shared.redis.exists(f"rq:job:{job_id}")


def test_a_job_that_was_begun_is_not_taken_for_popped_and_lost(shared: Store) -> None:
    job_id = invert(shared)
    shared.redis.lmove(QUEUE, f"{QUEUE}:intermediate")
    begin(shared, job_id)
    assert not shared.redis.exists(f"{QUEUE}:intermediate")


def test_a_canceled_job_whose_worker_is_lost_is_not_run_again(shared: Store) -> None:
    job_id = invert(shared)
    begin(shared, job_id, lease_s=0)
    shared.jobs.request_cancel(job_id)
    assert shared.jobs.reap() == ([], [job_id])
    assert status(shared, job_id) is JobStatus.CANCELED
