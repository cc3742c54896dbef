"""What hangs on an inversion's end: edits that wait, the same request again, the image itself."""

import pytest

from api_schemas import (
    EditRequest,
    ErrorCode,
    ImageStatus,
    InvertOptions,
    InvertResult,
    JobStatus,
)
from store import How, InversionFailed, NoSuchImage, Store, Verdict
from tests.store.conftest import IMAGE, PROBLEM, QUEUE, RESULT, begin, edit, invert, queued, status


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
    once = shared.redis.evalsha
    monkeypatch.setattr(shared.redis, "evalsha", lambda *args: (once(*args), once(*args))[1])
    assert shared.jobs.delete_image(IMAGE)
    assert not shared.jobs.delete_image(IMAGE)
