"""Who may write of a job: the holder of its latest attempt, and nobody after its end."""

import pytest

from api_schemas import (
    JobStatus,
    Progress,
)
from store import Fenced, Store, Verdict
from tests.store.conftest import ENDINGS, ENDS, RESULT, STEPS, begin, invert, status

TWO_STEPS = [(first, second) for first in STEPS for second in STEPS if first != second]


@pytest.mark.parametrize(("first", "second"), [*TWO_STEPS, ("hand_back", "hand_back")])
def test_after_its_last_step_an_owner_can_take_no_other(shared: Store, first: str, second: str) -> None:
    claim = begin(shared, invert(shared))
    STEPS[first](shared, claim)
    with pytest.raises(Fenced):
        STEPS[second](shared, claim)
    assert status(shared, claim.job_id) is ENDS[first]


@pytest.mark.parametrize("step", STEPS)
def test_an_older_attempt_writes_nothing(shared: Store, step: str) -> None:
    stale = begin(shared, invert(shared), lease_s=0)
    shared.jobs.reap()
    fresh = begin(shared, stale.job_id)
    assert fresh.attempt > stale.attempt
    with pytest.raises(Fenced):
        STEPS[step](shared, stale)
    progress = Progress(phase="invert", step=1, total=2)
    assert shared.jobs.progress(stale, progress, 1.0) is Verdict.FENCED
    assert shared.jobs.beat(stale, 30) is Verdict.FENCED
    job = shared.jobs.get(stale.job_id)
    assert job is not None
    assert (job.status, job.progress) == (JobStatus.PROCESSING, None)
    assert shared.jobs.succeed(fresh, RESULT)


@pytest.mark.parametrize("canceled", [False, True])
@pytest.mark.parametrize("step", ENDINGS)
def test_an_end_that_is_told_twice_since_the_answer_was_lost_is_answered_alike(
    shared: Store, step: str, canceled: bool
) -> None:
    claim = begin(shared, invert(shared))
    if canceled:
        shared.jobs.request_cancel(claim.job_id)
    assert STEPS[step](shared, claim)
    before = shared.jobs.get(claim.job_id)
    assert STEPS[step](shared, claim)
    assert shared.jobs.get(claim.job_id) == before


@pytest.mark.parametrize("step", STEPS)
def test_an_attempt_that_the_server_forgot_and_gave_to_another_worker_writes_nothing(
    shared: Store, step: str
) -> None:
    stale = begin(shared, invert(shared))
    key = f"pentimento:job:{stale.job_id}"
    shared.redis.hset(key, mapping={"status": "queued", "attempt": 0})
    shared.redis.hdel(key, "worker")
    fresh = shared.jobs.begin(stale.job_id, "other", 30)
    assert fresh is not None
    assert fresh.attempt == stale.attempt
    assert shared.jobs.beat(stale, 30) is Verdict.FENCED
    with pytest.raises(Fenced):
        STEPS[step](shared, stale)
    assert shared.jobs.beat(fresh, 30) is Verdict.OK
    assert shared.jobs.succeed(fresh, RESULT)


@pytest.mark.parametrize("end", ENDINGS)
def test_an_ended_job_is_neither_begun_nor_canceled_nor_reaped(shared: Store, end: str) -> None:
    claim = begin(shared, invert(shared), lease_s=0)
    STEPS[end](shared, claim)
    assert shared.jobs.begin(claim.job_id, "other", 30) is None
    assert shared.jobs.request_cancel(claim.job_id) is ENDS[end]
    assert shared.jobs.reap() == ([], [])
    assert status(shared, claim.job_id) is ENDS[end]
    assert shared.redis.ttl(f"pentimento:job:{claim.job_id}") > 0
