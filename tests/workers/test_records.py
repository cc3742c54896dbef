"""Memory for inversions is bounded by bytes, and what edits keep of a source goes with its inversion."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from store import Store, keys
from workers.records import Hot, Records, Source

IMAGE = "img_" + "a" * 26


def source(nbytes: int) -> Source:
    return cast(Source, SimpleNamespace(nbytes=nbytes))


def test_the_least_recently_used_goes_first() -> None:
    gone: list[Source] = []
    hot = Hot(100, gone.append)
    for name in "abc":
        hot.put(name, source(30))
    hot.get("a")
    hot.put("d", source(30))
    assert [name for name in "abcd" if hot.get(name)] == ["a", "c", "d"]
    assert hot.nbytes == 90
    assert (len(gone), hot.images) == (1, ["a", "c", "d"])


def test_what_exceeds_the_limit_alone_is_not_kept_and_replacing_counts_once() -> None:
    hot = Hot(100, lambda _: None)
    hot.put("a", source(60))
    hot.put("a", source(70))
    assert hot.nbytes == 70
    hot.put("b", source(101))
    assert hot.nbytes == 0
    hot.put("c", source(10))
    hot.drop("c")
    hot.drop("c")
    assert hot.get("c") is None


def record_of(key: str, nbytes: int = 10) -> Source:
    return cast(Source, SimpleNamespace(nbytes=nbytes, record=SimpleNamespace(key=key)))


@pytest.fixture
def records(shared: Store) -> Records:
    """Records without a model, with room for a hundred bytes of each kind."""
    model = cast(Any, None)
    return Records(model, shared, hot_bytes=100, feature_bytes=100, lock_s=3, holding=lambda _: nullcontext())


def keep(records: Records, image: str, key: str) -> None:
    """Keep an inversion at hand, and what an edit of it took."""
    records._hot.put(image, record_of(key))
    features = records.features(image)
    assert features is not None
    features.put((key, 0), "features", 50)


def test_what_edits_keep_goes_with_the_inversion(records: Records) -> None:
    keep(records, IMAGE, "one")
    keep(records, "img_" + "b" * 26, "two")
    records.discard(IMAGE)
    features = records.features("img_" + "b" * 26)
    assert features is not None
    assert (features.get(("one", 0)), features.get(("two", 0))) == (None, "features")
    records._hot.put("img_" + "c" * 26, record_of("three", nbytes=95))
    assert features.nbytes == 0


def test_nothing_is_kept_for_edits_of_what_is_too_large_to_be_at_hand(records: Records) -> None:
    records._hot.put(IMAGE, record_of("large", nbytes=101))
    assert records.features(IMAGE) is None


def test_what_is_in_memory_of_a_deleted_image_is_swept_away(shared: Store, records: Records) -> None:
    other = "img_" + "b" * 26
    shared.redis.hset(keys.image(other), "status", "ready")
    keep(records, IMAGE, "one")
    keep(records, other, "two")
    records.sweep()
    features = records.features(other)
    assert features is not None
    assert (records.features(IMAGE), features.nbytes) == (None, 50)


def test_room_is_made_by_forgetting_what_only_saves_time(records: Records) -> None:
    keep(records, IMAGE, "one")
    records.make_room()
    features = records.features(IMAGE)
    assert features is not None
    assert features.nbytes == 0
