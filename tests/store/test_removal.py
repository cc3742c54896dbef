"""Images that are deleted or whose time has come, and that nothing of them stays."""

import pytest

import store
from api_schemas import JobStatus, Progress
from store import Ask, Store, StoreSettings, Verdict, keys
from tests.store.conftest import IMAGE, RECORD, RESULT, begin, edit, invert, job

URL = "https://example.com/hook"
EXPIRY = "pentimento:expiry"
PROMPT = "a heron of which nobody is to know"


def known(shared: Store) -> str:
    """All that the server knows, keys and values, but for RQ's own messages, which hold ids of jobs alone."""
    found = []
    for key in shared.redis.scan_iter("*"):
        if not key.startswith("rq:"):
            found.append(f"{key} {read(shared, key)}")
    return "\n".join(found)


def read(shared: Store, key: str) -> object:
    readers = {
        "string": shared.redis.get,
        "hash": shared.redis.hgetall,
        "set": shared.redis.smembers,
        "zset": lambda name: shared.redis.zrange(name, 0, -1),
        "list": lambda name: shared.redis.lrange(name, 0, -1),
        "stream": shared.redis.xrange,
    }
    return readers[shared.redis.type(key)](key)


def pass_time(shared: Store, image_id: str = IMAGE) -> None:
    shared.redis.zadd(EXPIRY, {image_id: 1}, xx=True)


def full_of_jobs(shared: Store) -> tuple[str, str]:
    """An image with an ended inversion and an ended edit."""
    shared.blobs.put(keys.source(IMAGE), b"x")
    inversion = begin(shared, invert(shared, webhook=URL))
    shared.jobs.preview(inversion, b"png")
    shared.jobs.progress(inversion, Progress(phase="invert", step=1, total=1), None)
    shared.jobs.succeed(inversion, RESULT)
    editing = begin(shared, edit(shared, PROMPT, webhook=URL))
    shared.jobs.succeed(editing, RESULT)
    owed = shared.outbox.take(30)
    assert owed is not None
    shared.outbox.again(owed, "no answer", 60)
    return inversion.job_id, editing.job_id


def test_nothing_is_left_of_a_deleted_image_whose_jobs_had_ended(shared: Store) -> None:
    ended = full_of_jobs(shared)
    assert PROMPT in known(shared)
    assert shared.delete_image(IMAGE)
    left = known(shared)
    assert not [word for word in (PROMPT, URL, *ended) if word in left]
    shared.redis.delete(f"pentimento:image:{IMAGE}:deleted")
    assert IMAGE not in known(shared)
    assert shared.redis.pttl(f"rq:job:{ended[0]}") <= 3600_000
    assert not shared.blobs.exists(keys.source(IMAGE))


def test_unended_jobs_of_a_deleted_image_end_without_what_they_were_about(shared: Store) -> None:
    full_of_jobs(shared)
    running, waiting = begin(shared, edit(shared, PROMPT)), edit(shared, PROMPT)
    assert shared.delete_image(IMAGE)
    assert PROMPT not in known(shared)
    assert shared.jobs.begin(running.job_id, "worker", 30) is None
    assert shared.jobs.beat(running, 30) is Verdict.CANCEL
    assert not shared.jobs.cancel(running)
    for job_id in (running.job_id, waiting):
        found = job(shared, job_id)
        assert (found.status, found.request) == (JobStatus.CANCELED, {})
        assert [event.data.status for event in shared.events.read(job_id)][-1] is JobStatus.CANCELED
        for key in (keys.job(job_id), keys.events(job_id)):
            assert 0 < shared.redis.pttl(key) <= 300_000
    assert PROMPT not in known(shared)


def test_the_job_of_a_deleted_image_is_not_run_again(shared: Store) -> None:
    handed, lost = begin(shared, invert(shared)), begin(shared, edit_ready(shared), lease_s=0)
    assert shared.delete_image(IMAGE)
    shared.jobs.hand_back(handed)
    assert shared.jobs.reap() == ([], [lost.job_id])
    for claim in (handed, lost):
        assert job(shared, claim.job_id).status is JobStatus.CANCELED


def edit_ready(shared: Store) -> str:
    job_id = edit(shared)
    shared.redis.hdel(keys.job(job_id), "held")
    return job_id


def test_what_a_job_writes_after_the_deletion_is_removed_once_it_has_ended(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    assert shared.delete_image(IMAGE)
    shared.blobs.put(keys.working(IMAGE, RECORD), b"late")
    pass_time(shared)
    assert shared.expire_image(IMAGE)
    shared.blobs.put(keys.working(IMAGE, RECORD), b"later")
    assert shared.jobs.expired_images(9) == []
    shared.jobs.cancel(claim)
    pass_time(shared)
    assert shared.jobs.expired_images(9) == [IMAGE]
    assert shared.expire_image(IMAGE)
    assert not shared.blobs.exists(keys.working(IMAGE, RECORD))
    assert not shared.redis.exists(EXPIRY)


def test_files_that_could_not_be_removed_are_tried_again(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_of_jobs(shared)

    def away(prefix: str) -> None:
        raise OSError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(shared.blobs, "delete_prefix", away)
        with pytest.raises(OSError, match="away"):
            shared.delete_image(IMAGE)
    assert shared.images.get(IMAGE) is None
    pass_time(shared)
    assert shared.expire_image(IMAGE)
    assert not shared.blobs.exists(keys.source(IMAGE))
    assert not shared.redis.exists(EXPIRY)


def test_every_use_puts_the_end_of_an_image_off(settings: StoreSettings) -> None:
    shared = store.open(settings.model_copy(update={"image_ttl_s": 3600}))

    def left_s() -> float:
        image = shared.images.get(IMAGE)
        assert image is not None
        assert shared.redis.zscore(EXPIRY, IMAGE) == image.expires_at.timestamp() * 1000
        return image.expires_at.timestamp() - int(shared.redis.time()[0])

    def grow_old() -> None:
        shared.redis.hset(keys.image(IMAGE), "expires", 1000)
        shared.redis.zadd(EXPIRY, {IMAGE: 1000})

    try:
        job_id = invert(shared)
        assert left_s() == pytest.approx(3600, abs=5)
        for use in (lambda: edit(shared), lambda: invert(shared)):
            grow_old()
            use()
            assert left_s() == pytest.approx(3600, abs=5)
        shared.jobs.succeed(begin(shared, job_id), RESULT)
        grow_old()
        invert(shared)
        assert left_s() == pytest.approx(3600, abs=5)
        grow_old()
        with pytest.raises(store.NoSuchImage):
            edit(shared, ask=Ask(tenant="other"))
        assert left_s() < 0
    finally:
        shared.close()


def test_an_image_whose_time_has_come_is_removed_as_if_deleted(shared: Store) -> None:
    full_of_jobs(shared)
    assert shared.jobs.expired_images(9) == []
    assert not shared.expire_image(IMAGE)
    pass_time(shared)
    assert shared.jobs.expired_images(9) == [IMAGE]
    assert shared.expire_image(IMAGE)
    assert IMAGE not in known(shared)
    assert not shared.blobs.exists(keys.source(IMAGE))
    assert not shared.expire_image(IMAGE)


def test_an_image_that_is_used_when_its_time_has_come_stays(shared: Store) -> None:
    job_id = invert(shared)
    pass_time(shared)
    assert not shared.expire_image(IMAGE)
    assert shared.jobs.expired_images(9) == []
    shared.jobs.succeed(begin(shared, job_id), RESULT)
    pass_time(shared)
    found = shared.jobs.expired_images(9)
    shared.jobs.request_cancel(edit(shared))
    assert [shared.expire_image(image) for image in found] == [False]
    assert shared.images.get(IMAGE) is not None


def test_an_image_sent_again_after_its_deletion_is_new(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    assert shared.delete_image(IMAGE)
    fresh = invert(shared)
    shared.jobs.cancel(claim)
    shared.jobs.swept(IMAGE)
    assert shared.redis.zscore(EXPIRY, IMAGE) is not None
    image = shared.images.get(IMAGE)
    assert image is not None
    assert (image.job_id, image.status) == (fresh, "pending")
    assert fresh in [found.id for found in shared.jobs.page("default", limit=9, image_id=IMAGE)[0]]
