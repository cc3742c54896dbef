"""Who is alive, and locks that lapse."""

from time import sleep, time

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from api_schemas import ModelInfo
from store import Lock, Store
from tests.store.conftest import IMAGE, invert

MODEL = ModelInfo(name="miniature", size=64, token_limit=77, guidance_scale=3.0)


@pytest.mark.parametrize("ahead_s", [-3600, 70])
def test_the_clock_of_who_asks_retires_nobody(
    shared: Store, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    real = time
    monkeypatch.setattr("store.presence.time", lambda: real() + ahead_s, raising=False)
    monkeypatch.setattr("time.time", lambda: real() + ahead_s)
    shared.presence.publish("one", MODEL, 60)
    shared.presence.publish_keeper("keeper", 60)
    monkeypatch.undo()
    assert shared.presence.workers() == ["one"]
    assert shared.presence.keepers() == ["keeper"]
    monkeypatch.setattr("store.presence.time", lambda: real() + ahead_s, raising=False)
    shared.presence.publish("two", MODEL, 0.001)
    sleep(0.01)
    assert shared.presence.workers() == ["one"]
    assert shared.presence.keepers() == ["keeper"]


def test_workers_that_fell_silent_are_forgotten(shared: Store) -> None:
    shared.presence.publish("one", MODEL, 60)
    shared.redis.zincrby("pentimento:workers", -130_000, "one")
    shared.presence.publish("two", MODEL, 60)
    assert shared.redis.hkeys("pentimento:workers:serve") == ["two"]


def test_models_count_the_workers_that_are_alive(shared: Store) -> None:
    assert shared.presence.models() == []
    shared.presence.publish("one", MODEL, 60)
    shared.presence.publish("two", MODEL, 10)
    assert shared.presence.models() == [MODEL.model_copy(update={"workers": 2})]
    shared.redis.zincrby("pentimento:workers", -30_000, "one")
    shared.redis.zincrby("pentimento:workers", -30_000, "two")
    assert shared.presence.workers() == ["one"]
    shared.presence.retire("one")
    assert shared.presence.models() == []


def test_a_model_stays_known_while_its_workers_are_away(shared: Store) -> None:
    shared.presence.publish("one", MODEL, 60)
    shared.presence.retire("one")
    assert shared.presence.models() == []
    assert shared.presence.known() == {"miniature": MODEL.model_copy(update={"workers": 0})}


def test_an_image_comes_with_its_model_if_anybody_serves_that(shared: Store) -> None:
    assert shared.image_and_model(IMAGE) == (None, None)
    invert(shared)
    shared.presence.publish("one", MODEL.model_copy(update={"name": "other"}), 60)
    assert shared.image_and_model(IMAGE) == (shared.images.get(IMAGE), None)
    shared.presence.publish("two", MODEL, 60)
    assert shared.image_and_model(IMAGE) == (
        shared.images.get(IMAGE),
        MODEL.model_copy(update={"workers": 1}),
    )
    assert shared.image_and_model(IMAGE, "another") == (None, None)


def test_a_lock_has_one_holder_and_a_lapsed_holder_cannot_touch_the_next(shared: Store) -> None:
    first, second = Lock(shared.redis, "x", 30), Lock(shared.redis, "x", 30)
    assert first.acquire()
    assert not second.acquire()
    assert first.renew()
    shared.redis.delete("pentimento:lock:x")
    assert second.acquire()
    assert not first.renew()
    first.release()
    assert second.renew()
    second.release()
    assert first.acquire()


def test_a_lock_that_was_got_without_hearing_of_it_is_got_when_asked_again(shared: Store) -> None:
    lock = Lock(shared.redis, "x", 30)
    assert lock.acquire()
    assert lock.acquire()


def test_a_lock_that_cannot_be_released_is_left_to_lapse(shared: Store, redis_url: str) -> None:
    lock = Lock(shared.redis, "x", 30)
    assert lock.acquire()
    with Redis.from_url(redis_url) as redis:
        redis.config_set("min-replicas-to-write", "1")
        try:
            with pytest.raises(ResponseError):
                shared.redis.set("y", "")
            lock.release()
        finally:
            redis.config_set("min-replicas-to-write", "0")
    assert shared.redis.pttl("pentimento:lock:x") > 0


def test_keepers_that_fall_silent_or_leave_are_forgotten(shared: Store) -> None:
    shared.presence.publish_keeper("a", 30)
    shared.presence.publish_keeper("b", 0.3)
    shared.presence.publish_keeper("c", 30)
    assert shared.presence.keepers() == ["b", "a", "c"]
    sleep(0.31)
    shared.presence.retire_keeper("c")
    assert shared.presence.keepers() == ["a"]
