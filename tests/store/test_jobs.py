"""The life of a job: which step is legal when, who may take it, and what hangs on an inversion's end."""

from collections.abc import Callable

import pytest
from redis import Redis

from api_schemas import (
    EditRequest,
    ErrorCode,
    ImageStatus,
    InvertOptions,
    InvertResult,
    JobStatus,
    Problem,
    Progress,
)
from store import Claim, Fenced, How, InversionFailed, NoSuchImage, Store, Verdict

IMAGE = "img_" + "a" * 26
QUEUE = "rq:queue:pentimento"
RESULT = InvertResult(
    image_id=IMAGE,
    source_url="/s",
    reconstruction_url="/r",
    psnr=30.5,
    ssim=0.9,
    width=64,
    height=64,
    cached=False,
    seconds=1.5,
)
PROBLEM = Problem.of(ErrorCode.NUMERICAL_ERROR, "the latents are not finite")


def invert(shared: Store, image_id: str = IMAGE) -> str:
    options = InvertOptions(prompt="a cat")
    return shared.jobs.submit_invert(image_id, options, model="miniature", width=9, height=8).job_id


def edit(shared: Store, prompt: str = "a dog") -> str:
    return shared.jobs.submit_edit(EditRequest(image_id=IMAGE, prompt=prompt)).job_id


def begin(shared: Store, job_id: str, lease_s: float = 30) -> Claim:
    claim = shared.jobs.begin(job_id, "worker", lease_s)
    assert claim is not None
    return claim


def status(shared: Store, job_id: str) -> JobStatus:
    job = shared.jobs.get(job_id)
    assert job is not None
    return job.status


def queued(shared: Store) -> list[str]:
    return list(shared.redis.lrange(QUEUE, 0, -1))


STEPS: dict[str, Callable[[Store, Claim], object]] = {
    "succeed": lambda shared, claim: shared.jobs.succeed(claim, RESULT),
    "fail": lambda shared, claim: shared.jobs.fail(claim, PROBLEM),
    "cancel": lambda shared, claim: shared.jobs.cancel(claim),
    "hand_back": lambda shared, claim: shared.jobs.hand_back(claim),
}
ENDS = {
    "succeed": JobStatus.SUCCEEDED,
    "fail": JobStatus.FAILED,
    "cancel": JobStatus.CANCELED,
    "hand_back": JobStatus.QUEUED,
}


@pytest.mark.parametrize("step", STEPS)
def test_a_running_job_takes_every_step_of_its_owner(shared: Store, step: str) -> None:
    claim = begin(shared, invert(shared))
    STEPS[step](shared, claim)
    assert status(shared, claim.job_id) is ENDS[step]


ENDINGS = ["succeed", "fail", "cancel"]
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


def test_a_job_is_begun_once(shared: Store) -> None:
    job_id = invert(shared)
    assert begin(shared, job_id).attempt == 1
    assert shared.jobs.begin(job_id, "other", 30) is None
    assert shared.jobs.begin("job_" + "0" * 26, "other", 30) is None


def test_a_worker_that_asks_again_since_the_answer_was_lost_has_begun_its_job_once(shared: Store) -> None:
    first = begin(shared, invert(shared), lease_s=0)
    assert begin(shared, first.job_id) == first
    assert shared.jobs.reap() == ([], [])
    shared.jobs.succeed(first, RESULT)
    assert shared.jobs.begin(first.job_id, "worker", 30) is None


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
    shared.jobs.fail(failed, PROBLEM, ("careful",))
    shared.jobs.cancel(canceled, ("careful",))
    for claim in (failed, canceled):
        job = shared.jobs.get(claim.job_id)
        assert job is not None
        assert job.warnings == ["careful"]


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


def test_handing_back_is_no_loss(shared: Store) -> None:
    job_id = invert(shared)
    for _ in range(5):
        shared.jobs.hand_back(begin(shared, job_id))
    assert status(shared, job_id) is JobStatus.QUEUED


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


def test_a_canceled_job_whose_worker_is_lost_is_not_run_again(shared: Store) -> None:
    job_id = invert(shared)
    begin(shared, job_id, lease_s=0)
    shared.jobs.request_cancel(job_id)
    assert shared.jobs.reap() == ([], [job_id])
    assert status(shared, job_id) is JobStatus.CANCELED


def test_edits_wait_for_their_inversion_and_keep_their_order(shared: Store) -> None:
    job_id = invert(shared)
    edits = [edit(shared), edit(shared)]
    assert queued(shared) == [job_id]
    assert shared.jobs.begin(edits[0], "worker", 30) is None
    claim = begin(shared, job_id)
    shared.redis.lrem(QUEUE, 0, job_id)
    shared.jobs.succeed(claim, RESULT)
    assert queued(shared) == edits
    assert begin(shared, edits[0]).request == EditRequest(image_id=IMAGE, prompt="a dog")


def test_edits_fail_with_the_error_of_their_inversion(shared: Store) -> None:
    job_id = invert(shared)
    held, gone = edit(shared), edit(shared)
    shared.jobs.request_cancel(gone)
    shared.jobs.fail(begin(shared, job_id), PROBLEM)
    job = shared.jobs.get(held)
    assert job is not None
    assert (job.status, job.error) == (JobStatus.FAILED, PROBLEM)
    assert status(shared, gone) is JobStatus.CANCELED
    with pytest.raises(InversionFailed) as caught:
        edit(shared)
    assert caught.value.problem == PROBLEM


@pytest.mark.parametrize("running", [False, True])
def test_edits_of_a_canceled_inversion_fail_and_a_new_inversion_begins_afresh(
    shared: Store, running: bool
) -> None:
    job_id = invert(shared)
    held = edit(shared)
    claim = begin(shared, job_id) if running else None
    shared.jobs.request_cancel(job_id)
    if claim is not None:
        shared.jobs.cancel(claim)
    job = shared.jobs.get(held)
    assert job is not None
    assert job.error is not None
    assert job.error.code is ErrorCode.CANCELED
    assert invert(shared) != job_id
    image = shared.images.get(IMAGE)
    assert image is not None
    assert (image.status, image.error) == (ImageStatus.PENDING, None)


def test_the_same_inversion_is_joined_while_it_runs_and_answered_once_it_is_done(shared: Store) -> None:
    job_id = invert(shared)
    options = InvertOptions(prompt="a cat")
    joined = shared.jobs.submit_invert(IMAGE, options, model="miniature", width=9, height=8)
    assert (joined.job_id, joined.how) == (job_id, How.JOINED)
    shared.jobs.succeed(begin(shared, job_id), RESULT)
    cached = shared.jobs.submit_invert(IMAGE, options, model="miniature", width=9, height=8)
    assert (cached.how, cached.status) == (How.CACHED, JobStatus.SUCCEEDED)
    job = shared.jobs.get(cached.job_id)
    assert job is not None
    assert isinstance(job.result, InvertResult)
    assert job.result == RESULT.model_copy(update={"cached": True})
    first = shared.jobs.get(job_id)
    assert first is not None
    assert first.result == RESULT


def test_asking_again_after_asking_to_cancel_makes_a_new_job_that_keeps_the_waiting_edits(
    shared: Store,
) -> None:
    claim = begin(shared, invert(shared))
    held = edit(shared)
    shared.jobs.request_cancel(claim.job_id)
    second = invert(shared)
    assert second != claim.job_id
    shared.jobs.cancel(claim)
    assert status(shared, held) is JobStatus.QUEUED
    shared.redis.delete(QUEUE)
    shared.jobs.succeed(begin(shared, second), RESULT)
    assert queued(shared) == [held]


def test_deleting_an_image_cancels_its_jobs_and_is_seen_by_the_running_one(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    held = edit(shared)
    shared.blobs.put(f"images/{IMAGE}/source.png", b"x")
    assert shared.delete_image(IMAGE)
    assert shared.images.get(IMAGE) is None
    assert not shared.blobs.exists(f"images/{IMAGE}/source.png")
    assert status(shared, held) is JobStatus.CANCELED
    assert shared.jobs.beat(claim, 30) is Verdict.CANCEL
    assert not shared.jobs.succeed(claim, RESULT)
    assert shared.images.get(IMAGE) is None
    with pytest.raises(NoSuchImage):
        edit(shared)
    assert not shared.delete_image(IMAGE)


def test_deleting_an_image_again_since_the_answer_was_lost_is_no_error(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    invert(shared)
    once = shared.redis.eval
    monkeypatch.setattr(shared.redis, "eval", lambda *args: (once(*args), once(*args))[1])
    assert shared.jobs.delete_image(IMAGE)
    assert not shared.jobs.delete_image(IMAGE)


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


def test_jobs_and_images_are_listed_newest_first(shared: Store) -> None:
    first = invert(shared)
    second = edit(shared)
    assert {job.id for job in shared.jobs.recent()} == {first, second}
    assert len(shared.jobs.recent(1)) == 1
    assert [image.id for image in shared.images.recent()] == [IMAGE]


def test_a_full_server_refuses_a_job_whole(shared: Store, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(Exception, match="maxmemory"):
                invert(shared)
        finally:
            redis.config_set("maxmemory", "0")
    assert shared.redis.keys("*") == []
