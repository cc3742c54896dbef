"""What is one tenant's does not exist for another."""

import pytest

from api_schemas import JobStatus
from store import Ask, NoSuchImage, Store, image_id, keys
from tests.store.conftest import IMAGE, begin, edit, invert, job

THEIRS = Ask(tenant="theirs")


def test_tenants_never_share_an_image() -> None:
    ids = {image_id([b"abc"], (1, 1), tenant) for tenant in ("default", "theirs", "ours")}
    assert len(ids) == 3


def test_nothing_of_another_tenant_is_seen_changed_or_used(shared: Store) -> None:
    job_id = invert(shared, ask=THEIRS)
    shared.blobs.put(keys.source(IMAGE), b"theirs")
    claim = begin(shared, job_id)
    shared.jobs.preview(claim, b"png")
    assert claim.tenant == "theirs"
    assert shared.jobs.get(job_id) is None
    assert shared.jobs.latest_preview(job_id) is None
    assert shared.images.get(IMAGE) is None
    assert shared.jobs.request_cancel(job_id) is None
    assert shared.jobs.page("default", limit=9) == ([], None)
    assert shared.jobs.page("default", limit=9, image_id=IMAGE) == ([], None)
    assert shared.images.page("default", limit=9) == ([], None)
    assert not shared.delete_image(IMAGE)
    with pytest.raises(NoSuchImage):
        edit(shared)
    assert job(shared, job_id, "theirs").status is JobStatus.PROCESSING
    assert shared.jobs.latest_preview(job_id, "theirs") == b"png"
    assert shared.blobs.get(keys.source(IMAGE)) == b"theirs"
    assert [found.id for found in shared.images.page("theirs", limit=9)[0]] == [IMAGE]
    assert shared.delete_image(IMAGE, "theirs")


def test_what_came_with_a_request_reaches_the_worker(shared: Store) -> None:
    ask = Ask(tenant="theirs", request_id="abc", traceparent="00-1-2-01", deadline_s=60)
    claim = begin(shared, invert(shared, ask=ask))
    assert (claim.tenant, claim.request_id, claim.traceparent) == ("theirs", "abc", "00-1-2-01")
    assert claim.deadline_s == pytest.approx(60, abs=5)
    bare = begin(shared, invert(shared, "img_" + "b" * 26))
    assert (bare.request_id, bare.traceparent, bare.deadline_s) == (None, None, None)
