"""What the queue is like, and what became of jobs."""

import pytest

from api_schemas import ErrorCode, JobKind, JobStatus
from store import Ask, Ended, Store, keys
from tests.store.conftest import PROBLEM, RESULT, begin, edit, invert, job


def test_an_empty_queue_has_nothing_to_tell(shared: Store) -> None:
    stats = shared.stats()
    assert (stats.queued, stats.held, stats.processing, stats.oldest_wait_s) == (0, 0, 0, 0)
    assert (stats.mean_s, stats.ended) == ({}, {})


def test_jobs_are_counted_by_what_they_wait_for(shared: Store) -> None:
    first = invert(shared)
    edit(shared)
    invert(shared, "img_" + "b" * 26)
    shared.redis.hincrby(keys.job(first), "created", -90_000)
    stats = shared.stats()
    assert (stats.queued, stats.held, stats.processing) == (2, 1, 0)
    assert stats.oldest_wait_s == pytest.approx(90, abs=5)
    shared.redis.lmove("rq:queue:pentimento", "rq:queue:pentimento:intermediate")
    assert shared.stats().queued == 2
    begin(shared, first)
    stats = shared.stats()
    assert (stats.queued, stats.held, stats.processing) == (1, 1, 1)
    assert stats.oldest_wait_s < 5


def test_the_pace_follows_what_jobs_took_of_late(shared: Store) -> None:
    def run(seconds: float, job_id: str | None = None) -> None:
        claim = begin(shared, job_id or edit(shared))
        shared.redis.hincrby(keys.job(claim.job_id), "started", -round(seconds * 1000))
        shared.jobs.succeed(claim, RESULT)

    run(5, invert(shared))
    run(10)
    assert shared.stats().mean_s[JobKind.EDIT] == pytest.approx(10, abs=1)
    run(20)
    assert shared.stats().mean_s[JobKind.EDIT] == pytest.approx(12, abs=1)
    for _ in range(30):
        run(20)
    assert shared.stats().mean_s[JobKind.EDIT] == pytest.approx(20, abs=1)
    invert(shared)
    assert shared.stats().mean_s[JobKind.INVERT] == pytest.approx(5, abs=1)


def test_every_end_is_counted_once_by_kind_status_and_code(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    held = edit(shared)
    for _ in range(2):
        shared.jobs.fail(claim, PROBLEM)
    late = invert(shared, ask=Ask(deadline_s=0))
    shared.jobs.reap()
    shared.jobs.request_cancel(invert(shared))
    shared.jobs.succeed(begin(shared, invert(shared)), RESULT)
    invert(shared)
    assert job(shared, held).status is JobStatus.FAILED
    assert job(shared, late).status is JobStatus.ABORTED
    assert shared.stats().ended == {
        Ended(JobKind.INVERT, JobStatus.FAILED, ErrorCode.NUMERICAL_ERROR): 1,
        Ended(JobKind.EDIT, JobStatus.FAILED, ErrorCode.NUMERICAL_ERROR): 1,
        Ended(JobKind.INVERT, JobStatus.ABORTED, ErrorCode.DEADLINE_EXCEEDED): 1,
        Ended(JobKind.INVERT, JobStatus.CANCELED, None): 1,
        Ended(JobKind.INVERT, JobStatus.SUCCEEDED, None): 2,
    }
