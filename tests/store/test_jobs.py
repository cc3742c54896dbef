"""The life of a job: begun once, followed, canceled, ended."""

import pytest
from redis import Redis

from api_schemas import (
    ErrorCode,
    JobStatus,
    Notice,
    Progress,
)
from store import Store, Verdict
from tests.store.conftest import ENDS, PROBLEM, STEPS, begin, edit, invert, queued, status


@pytest.mark.parametrize("step", STEPS)
def test_a_running_job_takes_every_step_of_its_owner(shared: Store, step: str) -> None:
    claim = begin(shared, invert(shared))
    STEPS[step](shared, claim)
    assert status(shared, claim.job_id) is ENDS[step]


@pytest.mark.parametrize(
    ("step", "shown"),
    [("succeed", "finished"), ("fail", "failed"), ("cancel", "canceled"), ("hand_back", "queued")],
)
def test_rqs_tools_are_shown_how_a_job_is(shared: Store, step: str, shown: str) -> None:
    record = f"rq:job:{invert(shared)}"
    shown_before = [shared.redis.hget(record, "status")]
    claim = begin(shared, record.rpartition(":")[2])
    shown_before.append(shared.redis.hget(record, "status"))
    STEPS[step](shared, claim)
    assert [*shown_before, shared.redis.hget(record, "status")] == ["queued", "started", shown]


def test_a_job_is_begun_once(shared: Store) -> None:
    job_id = invert(shared)
    assert begin(shared, job_id).attempt == 1
    assert shared.jobs.begin(job_id, "other", 30) is None
    assert shared.jobs.begin("job_" + "0" * 26, "other", 30) is None


@pytest.mark.parametrize("step", ["succeed", "fail"])
def test_a_job_that_was_asked_to_stop_ends_canceled_even_if_it_gets_to_its_end(
    shared: Store, step: str
) -> None:
    claim = begin(shared, invert(shared))
    held = edit(shared)
    shared.jobs.request_cancel(claim.job_id)
    STEPS[step](shared, claim)
    job, waiting = shared.jobs.get(claim.job_id), shared.jobs.get(held)
    assert job is not None
    assert (job.status, job.result, job.error) == (JobStatus.CANCELED, None, None)
    assert waiting is not None
    assert waiting.error is not None
    assert waiting.error.code is ErrorCode.CANCELED


def test_warnings_are_kept_however_the_job_ends(shared: Store) -> None:
    failed, canceled = begin(shared, invert(shared)), begin(shared, invert(shared, "img_" + "b" * 26))
    careful = [Notice(code="careful", message="Be careful.")]
    shared.jobs.fail(failed, PROBLEM, careful)
    shared.jobs.cancel(canceled, careful)
    for claim in (failed, canceled):
        job = shared.jobs.get(claim.job_id)
        assert job is not None
        assert job.warnings == careful


@pytest.mark.parametrize(("step", "percent"), [("succeed", 100), ("fail", 30)])
@pytest.mark.parametrize("told", [True, False])
def test_a_job_is_done_to_the_last_percent_once_it_has_succeeded(
    shared: Store, step: str, percent: float, told: bool
) -> None:
    claim = begin(shared, invert(shared))
    if told:
        shared.jobs.progress(claim, Progress(phase="invert", step=3, total=10, percent=30), None)
    STEPS[step](shared, claim)
    job = shared.jobs.get(claim.job_id)
    assert job is not None
    assert (job.progress and job.progress.percent) == (percent if told or step == "succeed" else None)
    last = shared.events.read(claim.job_id)[-1]
    assert last.name == "status"
    if step == "succeed":
        assert last.data.progress is not None
        assert last.data.progress.percent == 100


def test_handing_back_is_no_loss(shared: Store) -> None:
    job_id = invert(shared)
    for _ in range(5):
        shared.jobs.hand_back(begin(shared, job_id))
    assert status(shared, job_id) is JobStatus.QUEUED


def test_cancel_reaches_waiting_jobs_at_once_and_running_ones_through_their_owner(shared: Store) -> None:
    waiting, running = invert(shared, "img_" + "b" * 26), invert(shared)
    claim = begin(shared, running)
    assert shared.jobs.request_cancel(waiting) is JobStatus.CANCELED
    assert status(shared, waiting) is JobStatus.CANCELED
    assert waiting not in queued(shared)
    assert shared.jobs.beat(claim, 30) is Verdict.OK
    assert shared.jobs.request_cancel(running) is JobStatus.PROCESSING
    assert shared.jobs.beat(claim, 30) is Verdict.CANCEL
    shared.jobs.cancel(claim)
    assert shared.jobs.request_cancel(running) is JobStatus.CANCELED
    assert shared.jobs.request_cancel("job_" + "0" * 26) is None


def test_progress_and_eta_are_shown_and_the_eta_runs_down(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = begin(shared, invert(shared))
    progress = Progress(phase="invert", step=3, total=10, percent=30)
    assert shared.jobs.progress(claim, progress, None) is Verdict.OK
    job = shared.jobs.get(claim.job_id)
    assert job is not None
    assert (job.progress, job.eta_s) == (progress, None)
    shared.jobs.progress(claim, progress, 100.0)
    written = int(shared.redis.hget(f"pentimento:job:{claim.job_id}", "progressed")) / 1000
    monkeypatch.setattr("store.views.time", lambda: written + 40)
    job = shared.jobs.get(claim.job_id)
    assert job is not None
    assert job.eta_s == pytest.approx(60)


def test_a_full_server_refuses_a_job_whole(shared: Store, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(Exception, match="maxmemory"):
                invert(shared)
        finally:
            redis.config_set("maxmemory", "0")
    assert shared.redis.keys("*") == []
