"""A lock that its holder must renew and only its holder can release."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any, Final
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

from store import scripts
from store.names import PREFIX

log = structlog.get_logger(__name__)

_POLL_S: Final = 0.05


class Lock:
    """At most one holder per name; it lapses `ttl_s` seconds after the last renewal."""

    def __init__(self, redis: Any, name: str, ttl_s: float) -> None:
        self._redis = redis
        self._key = f"{PREFIX}lock:{name}"
        self._token = uuid4().hex
        self._ttl_ms = round(ttl_s * 1000)

    def acquire(self) -> bool:
        """Take the lock if it is free; never waits."""
        # An answer that was lost is asked for again, and then finds the lock taken by this very holder.
        return bool(self._redis.set(self._key, self._token, nx=True, px=self._ttl_ms)) or self.renew()

    def renew(self) -> bool:
        """Hold on to it; False if it lapsed."""
        return bool(self._redis.eval(scripts.text("renew"), 1, self._key, self._token, self._ttl_ms))

    def release(self) -> None:
        """Let go of it, unless it lapsed and is another's now; it lapses if the server cannot be reached."""
        try:
            self._redis.eval(scripts.text("unlock"), 1, self._key, self._token)
        except RedisError as error:
            log.warning("a lock must lapse", lock=self._key, error=str(error))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for it, and hold it while entered; nothing renews it, so what is done must be brief."""
        while not self.acquire():
            sleep(_POLL_S)
        try:
            yield
        finally:
            self.release()
