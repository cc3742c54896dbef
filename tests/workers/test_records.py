"""Memory for inversions is bounded by bytes, and what edits keep of a source goes with its inversion."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from store import RecordKey, Store, keys
from workers.hot import Hot, Source
from workers.records import Records


def key(letter: str) -> RecordKey:
    return RecordKey(f"img_{letter * 26}", f"rec_{letter * 26}")


ONE, TWO, THREE = key("a"), key("b"), key("c")


def source(nbytes: int) -> Source:
    return cast(Source, SimpleNamespace(nbytes=nbytes))


def test_the_least_recently_used_goes_first() -> None:
    gone: list[Source] = []
    hot = Hot(100, gone.append)
    for name in "abc":
        hot.put(key(name), source(30))
    hot.get(key("a"))
    hot.put(key("d"), source(30))
    assert [name for name in "abcd" if hot.get(key(name))] == ["a", "c", "d"]
    assert hot.nbytes == 90
    assert (len(gone), hot.images) == (1, [key(name).image_id for name in "acd"])


def test_what_exceeds_the_limit_alone_is_not_kept_and_replacing_counts_once() -> None:
    hot = Hot(100, lambda _: None)
    hot.put(ONE, source(60))
    hot.put(ONE, source(70))
    assert hot.nbytes == 70
    hot.put(TWO, source(101))
    assert (hot.nbytes, hot.get(TWO)) == (70, None)
    hot.put(ONE, source(101))
    assert hot.nbytes == 0
    hot.put(THREE, source(10))
    hot.drop(THREE)
    hot.drop(THREE)
    assert hot.get(THREE) is None


def record_of(content: str, nbytes: int = 10) -> Source:
    return cast(Source, SimpleNamespace(nbytes=nbytes, record=SimpleNamespace(key=content)))


@pytest.fixture
def records(shared: Store) -> Records:
    """Records without a model, with room for a hundred bytes of each kind."""
    model = cast(Any, None)
    return Records(model, shared, hot_bytes=100, feature_bytes=100, lock_s=3, holding=lambda _: nullcontext())


def keep(records: Records, of: RecordKey, content: str) -> None:
    """Keep an inversion at hand, and what an edit of it took."""
    records._hot.put(of, record_of(content))
    features = records.features(of)
    assert features is not None
    features.put((content, 0), "features", 50)


def test_what_edits_keep_goes_with_the_inversion(records: Records) -> None:
    keep(records, ONE, "one")
    keep(records, TWO, "two")
    records.discard(ONE)
    features = records.features(TWO)
    assert features is not None
    assert (features.get(("one", 0)), features.get(("two", 0))) == (None, "features")
    records._hot.put(THREE, record_of("three", nbytes=95))
    assert features.nbytes == 0


def test_nothing_is_kept_for_edits_of_what_is_too_large_to_be_at_hand(records: Records) -> None:
    records._hot.put(ONE, record_of("large", nbytes=101))
    assert records.features(ONE) is None


def test_what_is_in_memory_of_a_deleted_image_is_swept_away(shared: Store, records: Records) -> None:
    shared.redis.hset(keys.image(TWO.image_id), "own", TWO.record_id)
    keep(records, ONE, "one")
    keep(records, TWO, "two")
    records.sweep()
    features = records.features(TWO)
    assert features is not None
    assert (records.features(ONE), features.nbytes) == (None, 50)


def test_room_is_made_by_forgetting_what_only_saves_time(records: Records) -> None:
    keep(records, ONE, "one")
    records.make_room()
    features = records.features(ONE)
    assert features is not None
    assert features.nbytes == 0
