"""Who is alive, and locks that lapse."""

from time import time

import pytest

from api_schemas import ModelInfo
from store import Lock, Store

MODEL = ModelInfo(name="miniature", size=64, token_limit=77, guidance_scale=3.0)


def test_models_count_the_workers_that_are_alive(shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared.presence.models() == []
    shared.presence.publish("one", MODEL, 60)
    shared.presence.publish("two", MODEL, 10)
    assert shared.presence.model("miniature") == MODEL.model_copy(update={"workers": 2})
    assert shared.presence.model("other") is None
    later = time() + 30
    monkeypatch.setattr("store.presence.time", lambda: later)
    assert shared.presence.workers() == ["one"]
    shared.presence.retire("one")
    assert shared.presence.models() == []


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
