"""A lock that its holder must renew and only its holder can release."""

from typing import Any
from uuid import uuid4

from store import keys, scripts


class Lock:
    """At most one holder per name; it lapses `ttl_s` seconds after the last renewal."""

    def __init__(self, redis: Any, name: str, ttl_s: float) -> None:
        self._redis = redis
        self._key = f"{keys.PREFIX}lock:{name}"
        self._token = uuid4().hex
        self._ttl_ms = round(ttl_s * 1000)

    def acquire(self) -> bool:
        """Take the lock if nobody has it; never waits."""
        return bool(self._redis.set(self._key, self._token, nx=True, px=self._ttl_ms))

    def renew(self) -> bool:
        """Hold on to it; False if it lapsed."""
        return bool(self._redis.eval(scripts.RENEW, 1, self._key, self._token, self._ttl_ms))

    def release(self) -> None:
        """Let go of it, unless it lapsed and is another's now."""
        self._redis.eval(scripts.UNLOCK, 1, self._key, self._token)
