"""How many requests each key may send a minute, and how many it may have served at once."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import time

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from api_schemas import ErrorCode
from service.errors import ServiceError
from store import Store

TYPING = frozenset({"/prompts/compare"})  # asked while a person types, and no work for any worker
_TYPING_FACTOR = 5


class RateLimits:
    """Counts over the last 60 seconds by the store's clock, shared by all processes of the service."""

    def __init__(self, store: Store) -> None:
        storage = RedisStorage("redis://", store.redis.connection_pool, key_prefix="pentimento:rate")
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    def count(self, who: str, per_minute: int, path: str) -> None:
        """Count a request; one that comes too early is not counted but raises rate_limited.

        What is asked while a person types counts for itself, and may be asked five times as often.
        """
        if path in TYPING:
            who, per_minute = f"{who}{path}", _TYPING_FACTOR * per_minute
        limit = RateLimitItemPerMinute(per_minute)
        if self._limiter.hit(limit, who):
            return
        free = self._limiter.get_window_stats(limit, who).reset_time - time()
        wait = max(1, math.ceil(free))
        raise ServiceError(
            ErrorCode.RATE_LIMITED,
            f"More than {per_minute} requests in a minute; try again in {wait} s.",
            {"Retry-After": str(wait)},
            limit=per_minute,
        )


class AtOnce:
    """Counts what each key has under way in this process, and lets it have no more than `limit`."""

    def __init__(self, limit: int, what: str) -> None:
        self._limit, self._what = limit, what
        self._under_way: Counter[str] = Counter()

    def full(self, who: str) -> bool:
        """Whether one more would be too many."""
        return self._under_way[who] >= self._limit

    @contextmanager
    def held(self, who: str) -> Iterator[None]:
        """While entered, one more is under way; raises rate_limited if that is too many."""
        if self.full(who):
            raise ServiceError(
                ErrorCode.RATE_LIMITED,
                f"You have {self._limit} {self._what} at once; wait for one of them to end.",
                {"Retry-After": "1"},
                limit=self._limit,
            )
        self._under_way[who] += 1
        try:
            yield
        finally:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]
