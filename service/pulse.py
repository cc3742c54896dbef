"""Whether the store answers, found out by one task for all requests."""

import asyncio
from time import monotonic
from typing import Final

from redis.exceptions import RedisError

from api_schemas import ErrorCode
from service.errors import ServiceError
from store import AsyncEvents

_EVERY_S: Final = 0.5
_PATIENCE_S: Final = 1.0
_DOWN_AFTER_S: Final = 1.5  # shorter outages are hidden by trying again


class Pulse:
    """Asks the store twice a second; requests are refused while it has not answered for a second and a half.

    Without it every request would keep a thread until its own time is over, and the next ones would wait for
    those threads.
    """

    def __init__(self, events: AsyncEvents) -> None:
        self._events = events
        self._silent_since: float | None = None

    @property
    def down(self) -> bool:
        """Whether the store has been silent for too long."""
        return self._silent_since is not None and monotonic() - self._silent_since > _DOWN_AFTER_S

    def check(self) -> None:
        """Raise queue_unavailable while the store is down."""
        if self.down:
            raise ServiceError(ErrorCode.QUEUE_UNAVAILABLE, "The queue does not answer; try again shortly.")

    async def run(self) -> None:
        """Ask until canceled."""
        while True:
            asked = monotonic()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._events.ping()
            except (RedisError, TimeoutError, OSError):
                self._silent_since = self._silent_since or asked
            else:
                self._silent_since = None
            await asyncio.sleep(_EVERY_S)
