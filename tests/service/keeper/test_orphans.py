"""What a killed process left behind, and what one is about to finish."""

from starlette.testclient import TestClient

from service.keeper.chores import Orphans
from store import Store, keys
from tests.service.conftest import NO_IMAGE, http, invert, png

__all__ = ["http", "png"]


def test_a_picture_without_an_image_is_removed_at_the_second_look(
    http: TestClient, shared: Store, png: bytes
) -> None:
    kept = invert(http, png).image_id
    orphans = Orphans(shared)
    orphans.collect()
    shared.blobs.put(keys.source(NO_IMAGE), png)
    orphans.collect()
    assert shared.blobs.exists(keys.source(NO_IMAGE))
    orphans.collect()
    assert not shared.blobs.exists(keys.source(NO_IMAGE))
    assert shared.blobs.folders("images/") == [kept]


def test_a_picture_that_becomes_an_image_meanwhile_stays(http: TestClient, shared: Store, png: bytes) -> None:
    image_id = invert(http, png).image_id
    fields = shared.redis.hgetall(keys.image(image_id))
    orphans = Orphans(shared)
    shared.redis.delete(keys.image(image_id))
    orphans.collect()
    shared.redis.hset(keys.image(image_id), mapping=fields)
    orphans.collect()
    assert shared.blobs.exists(keys.source(image_id))


def test_a_store_without_any_picture_has_no_orphans(shared: Store) -> None:
    assert shared.orphans() == []
