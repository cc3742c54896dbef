"""How many requests a minute each key may send."""

import math
from time import time

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from api_schemas import ErrorCode
from service.errors import ServiceError
from store import Store

UNCOUNTED = frozenset({"/prompts/compare"})  # asked while a person types, and no work for any worker


class RateLimits:
    """Counts over the last 60 seconds, shared by all processes of the service."""

    def __init__(self, store: Store) -> None:
        storage = RedisStorage("redis://", store.redis.connection_pool, key_prefix="pentimento:rate")
        self._limiter = MovingWindowRateLimiter(storage)

    def count(self, who: str, per_minute: int) -> None:
        """Count a request; one that comes too early is not counted but raises rate_limited."""
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
