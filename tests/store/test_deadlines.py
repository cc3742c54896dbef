"""Jobs that are given up at their deadline."""

from collections.abc import Callable

import pytest

from api_schemas import ErrorCode, Job, JobStatus, Progress
from store import Ask, Claim, Store, Verdict, keys
from tests.store.conftest import PROBLEM, RESULT, STEPS, begin, edit, invert, job, queued

NOW = Ask(deadline_s=0)
LATER = Ask(deadline_s=60)
PROGRESS = Progress(phase="invert", step=1, total=2)


def let_pass(shared: Store, job_id: str) -> None:
    shared.redis.hset(keys.job(job_id), "deadline", 1)
    shared.redis.zadd("pentimento:deadlines", {job_id: 1})


def code(found: Job) -> ErrorCode | None:
    return found.error.code if found.error else None


def test_a_deadline_counts_from_acceptance(shared: Store) -> None:
    found = job(shared, invert(shared, ask=LATER))
    assert found.deadline_at is not None
    assert (found.deadline_at - found.created_at).total_seconds() == 60
    assert job(shared, edit(shared)).deadline_at is None


@pytest.mark.parametrize("noticed", ["begun", "reaped"])
def test_a_job_that_is_not_begun_by_its_deadline_is_aborted(shared: Store, noticed: str) -> None:
    job_id = invert(shared, ask=NOW)
    held = edit(shared)
    if noticed == "begun":
        assert shared.jobs.begin(job_id, "worker", 30) is None
    else:
        assert shared.jobs.reap() == ([], [])
    ended, waiting = job(shared, job_id), job(shared, held)
    assert (ended.status, code(ended)) == (JobStatus.ABORTED, ErrorCode.DEADLINE_EXCEEDED)
    assert (waiting.status, code(waiting)) == (JobStatus.FAILED, ErrorCode.DEADLINE_EXCEEDED)
    assert queued(shared) == []
    assert shared.jobs.begin(job_id, "worker", 30) is None
    assert job(shared, invert(shared)).status is JobStatus.QUEUED


def test_an_edit_that_waits_for_its_inversion_is_aborted_alone(shared: Store) -> None:
    job_id = invert(shared)
    late, other = edit(shared, ask=NOW), edit(shared)
    shared.jobs.reap()
    assert job(shared, late).status is JobStatus.ABORTED
    shared.redis.delete("rq:queue:pentimento")
    shared.jobs.succeed(begin(shared, job_id), RESULT)
    assert queued(shared) == [other]


REPORTS: dict[str, Callable[[Store, Claim], Verdict]] = {
    "beat": lambda shared, claim: shared.jobs.beat(claim, 30),
    "progress": lambda shared, claim: shared.jobs.progress(claim, PROGRESS, None),
    "preview": lambda shared, claim: shared.jobs.preview(claim, b"png"),
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("reaped", [False, True])
def test_a_running_job_is_told_to_stop_at_its_deadline(shared: Store, report: str, reaped: bool) -> None:
    claim = begin(shared, invert(shared, ask=LATER))
    assert REPORTS[report](shared, claim) is Verdict.OK
    let_pass(shared, claim.job_id)
    if reaped:
        assert shared.jobs.reap() == ([], [])
    assert REPORTS[report](shared, claim) is Verdict.CANCEL
    assert job(shared, claim.job_id).status is JobStatus.PROCESSING


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_ran_past_its_deadline_is_canceled_for_it_whatever_its_owner_says(
    shared: Store, step: str
) -> None:
    claim = begin(shared, invert(shared, ask=LATER))
    held = edit(shared)
    let_pass(shared, claim.job_id)
    assert STEPS[step](shared, claim)
    for ended, status in ((claim.job_id, JobStatus.CANCELED), (held, JobStatus.FAILED)):
        found = job(shared, ended)
        assert (found.status, code(found)) == (status, ErrorCode.DEADLINE_EXCEEDED)
        assert found.result is None


def test_a_late_job_whose_worker_is_lost_is_not_run_again(shared: Store) -> None:
    claim = begin(shared, invert(shared, ask=LATER), lease_s=0)
    let_pass(shared, claim.job_id)
    assert shared.jobs.reap() == ([], [claim.job_id])
    ended = job(shared, claim.job_id)
    assert (ended.status, code(ended)) == (JobStatus.CANCELED, ErrorCode.DEADLINE_EXCEEDED)


def test_a_job_canceled_before_its_deadline_is_not_late(shared: Store) -> None:
    claim = begin(shared, invert(shared, ask=LATER))
    shared.jobs.request_cancel(claim.job_id)
    let_pass(shared, claim.job_id)
    shared.jobs.cancel(claim)
    ended = job(shared, claim.job_id)
    assert (ended.status, ended.error) == (JobStatus.CANCELED, None)


def test_a_job_that_has_ended_has_no_deadline_to_miss(shared: Store) -> None:
    claim = begin(shared, invert(shared, ask=LATER))
    shared.jobs.fail(claim, PROBLEM)
    assert shared.redis.zcard("pentimento:deadlines") == 0
    let_pass(shared, claim.job_id)
    shared.jobs.reap()
    assert job(shared, claim.job_id).status is JobStatus.FAILED


@pytest.mark.parametrize(
    ("first", "second", "left"), [(5, 60, 60), (60, 5, 60), (5, None, None), (None, 5, None)]
)
def test_a_job_that_several_asked_for_goes_on_as_long_as_any_would_wait(
    shared: Store, first: float | None, second: float | None, left: float | None
) -> None:
    job_id = invert(shared, ask=Ask(deadline_s=first))
    assert invert(shared, ask=Ask(deadline_s=second)) == job_id
    found = job(shared, job_id)
    if left is None:
        assert found.deadline_at is None
        assert shared.redis.zcard("pentimento:deadlines") == 0
    else:
        assert found.deadline_at is not None
        assert (found.deadline_at - found.created_at).total_seconds() == pytest.approx(left, abs=1)


def test_a_job_past_its_deadline_is_joined_by_nobody(shared: Store) -> None:
    late = invert(shared, ask=NOW)
    fresh = invert(shared)
    assert fresh != late
    shared.jobs.reap()
    assert job(shared, late).status is JobStatus.ABORTED
    image = shared.images.get(job(shared, fresh).image_id)
    assert image is not None
    assert (image.status, image.job_id) == ("pending", fresh)
