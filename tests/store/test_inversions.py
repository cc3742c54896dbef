"""What hangs on an inversion's end: edits that wait, the same request again, the image itself."""

from dataclasses import replace

import pytest

from api_schemas import (
    EditRequest,
    ErrorCode,
    ImageStatus,
    Inversion,
    InvertOptions,
    InvertResult,
    JobStatus,
)
from store import How, InversionFailed, NoSuchImage, RecordKey, Store, Verdict, keys
from tests.store.conftest import (
    CAT,
    IMAGE,
    PROBLEM,
    QUEUE,
    RECORD,
    RESULT,
    begin,
    edit,
    invert,
    queued,
    status,
)


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


OTHER = CAT.model_copy(update={"steps": 9})


def inversions(shared: Store) -> dict[str, Inversion]:
    image = shared.images.get(IMAGE)
    assert image is not None
    return {"own" if each.own else each.id: each for each in image.inversions}


def test_the_inversion_that_was_asked_for_last_is_the_images_own(shared: Store) -> None:
    first = invert(shared)
    shared.jobs.succeed(begin(shared, first), RESULT)
    second = invert(shared, inversion=OTHER)
    image = shared.images.get(IMAGE)
    assert image is not None
    assert (image.status, image.steps, image.job_id, image.result) == ("pending", 9, second, None)
    assert [(each.own, each.status, each.steps) for each in image.inversions] == [
        (False, ImageStatus.READY, 50),
        (True, ImageStatus.PENDING, 9),
    ]
    invert(shared)
    assert inversions(shared)["own"].id == RECORD
    assert invert(shared, inversion=OTHER) == second
    assert inversions(shared)["own"].steps == 9


def test_inversions_are_listed_in_the_order_in_which_they_were_asked_for(shared: Store) -> None:
    options = [OTHER.model_copy(update={"steps": steps}) for steps in range(1, 33)]
    for each in options:
        invert(shared, inversion=each)
    image = shared.images.get(IMAGE)
    assert image is not None
    assert [each.steps for each in image.inversions] == list(range(1, 33))


def test_an_edit_waits_for_the_inversion_that_it_needs_and_for_no_other(shared: Store) -> None:
    first, second = invert(shared), invert(shared, inversion=OTHER)
    held, other = edit(shared), edit(shared, inversion=OTHER)
    shared.redis.delete(QUEUE)
    shared.jobs.succeed(begin(shared, second), RESULT)
    assert queued(shared) == [other]
    shared.jobs.fail(begin(shared, first), PROBLEM)
    assert status(shared, held) is JobStatus.FAILED
    assert edit(shared, inversion=OTHER) in queued(shared)


def test_an_edit_keeps_the_inversion_it_was_accepted_with_whatever_is_asked_for_later(shared: Store) -> None:
    job_id = invert(shared)
    held = edit(shared)
    invert(shared, inversion=OTHER)
    shared.jobs.succeed(begin(shared, job_id), RESULT)
    claim = begin(shared, held)
    assert (claim.record, claim.inversion, claim.listed) == (RecordKey(IMAGE, RECORD), CAT, True)


def test_an_inversion_that_an_edit_made_is_listed_and_counted_and_asking_for_it_measures_it(
    shared: Store,
) -> None:
    shared.jobs.succeed(begin(shared, invert(shared)), RESULT)
    claim = begin(shared, edit(shared, inversion=OTHER))
    assert not claim.listed
    assert len(inversions(shared)) == 1
    assert shared.jobs.made(claim, 1000) is Verdict.OK
    made = inversions(shared)[claim.record_id]
    assert (made.status, made.job_id, made.bytes, made.steps) == ("ready", claim.job_id, 1000, 9)
    assert (made.result, made.own) == (None, False)
    assert (shared.stats().records, shared.stats().record_bytes) == (2, 1000)
    assert begin(shared, edit(shared, inversion=OTHER)).listed
    measured = shared.jobs.submit_invert(IMAGE, OTHER, model="miniature", width=9, height=8)
    assert measured.how is How.ACCEPTED
    shared.jobs.succeed(begin(shared, measured.job_id), RESULT)
    assert inversions(shared)["own"].result == RESULT


def test_a_worker_that_lost_its_claim_lists_nothing_and_neither_does_one_of_a_deleted_image(
    shared: Store,
) -> None:
    invert(shared)
    claim = begin(shared, edit(shared, inversion=OTHER))
    stale = replace(claim, worker="another")
    assert shared.jobs.made(stale, 1000) is Verdict.FENCED
    assert len(inversions(shared)) == 1
    shared.delete_image(IMAGE)
    invert(shared)
    assert shared.jobs.made(claim, 1000) is Verdict.CANCEL
    assert len(inversions(shared)) == 1
    assert shared.stats().record_bytes == 0


def test_an_image_of_an_older_version_is_absent_and_can_be_deleted(shared: Store) -> None:
    older = {"status": "ready", "tenant": "default", "about": "{}", "job_id": "job_x", "created": "1"}
    shared.redis.hset(keys.image(IMAGE), mapping=older)
    shared.redis.zadd(keys.images_by("default"), {IMAGE: 1})
    assert shared.images.get(IMAGE) is None
    assert shared.images.page("default", limit=9) == ([], None)
    with pytest.raises(NoSuchImage):
        edit(shared)
    assert shared.delete_image(IMAGE)
    assert not shared.redis.exists(keys.image(IMAGE))


def test_jobs_that_an_older_version_accepted_end_and_say_what_to_do(shared: Store) -> None:
    job_id = invert(shared)
    held = edit(shared)
    for each in (job_id, held):
        shared.redis.hdel(keys.job(each), "record", "about")
    shared.redis.rename(keys.waiting(IMAGE, RECORD), f"{keys.image(IMAGE)}:waiting")
    assert shared.jobs.begin(job_id, "worker", 30) is None
    for each in (job_id, held):
        found = shared.jobs.get(each)
        assert found is not None
        assert found.error is not None
        assert (found.status, found.error.code) == (JobStatus.FAILED, ErrorCode.NOT_FOUND)
        assert "/invert" in found.error.detail
