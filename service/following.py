"""Jobs as they go on: waiting for what happens next, and for their end, without asking again and again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from fastapi import Request

from api_schemas import Job
from store import AsyncEvents, Event

_LOOK_MS: Final = 4000


class Follower:
    """What happens to jobs, for whoever wants to know at once; ends early when the process does."""

    def __init__(self, events: AsyncEvents, stopping: asyncio.Event) -> None:
        self._events = events
        self._stopping = stopping

    async def follow(self, job_id: str, after: str | None = None) -> AsyncGenerator[Event | None, None]:
        """Every event after this one up to the last there can be; None whenever nothing happened for long.

        Raises BadCursor and redis errors.
        """
        while not self._stopping.is_set():
            reading = asyncio.create_task(self._events.read(job_id, after, _LOOK_MS))
            await _first(reading, asyncio.create_task(self._stopping.wait()))
            if reading.cancelled():
                return
            for event in reading.result():
                yield event
                if event.data.status.terminal:
                    return
                after = event.id
            if not reading.result():
                yield None

    async def ended(self, request: Request, job_id: str, tenant: str, seconds: float) -> Job | None:
        """The tenant's job if it ends within so many seconds, as long as the client stays to hear of it.

        Raises redis errors.
        """
        watching = asyncio.create_task(self._last(job_id))
        await _first(watching, asyncio.create_task(_left(request)), timeout=seconds)
        ended = not watching.cancelled() and watching.result()
        return await self._events.job(job_id, tenant) if ended else None

    async def _last(self, job_id: str) -> bool:
        async with aclosing(self.follow(job_id)) as events:
            async for event in events:
                if event is not None and event.data.status.terminal:
                    return True
        return False


async def _first(*tasks: asyncio.Task[Any], timeout: float | None = None) -> None:
    """Wait until one of the tasks is done, then cancel the others."""
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.wait(tasks)


async def _left(request: Request) -> None:
    """Return once the client has gone; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
