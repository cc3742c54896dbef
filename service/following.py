"""Jobs as they go on: waiting for what happens next, and for their end, without asking again and again."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import contextmanager, suppress
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
            try:
                async with asyncio.timeout(None) as wait:
                    with _cut_short(wait, self._stopping.wait()):
                        events = await self._events.read(job_id, after, _LOOK_MS)
            except TimeoutError:
                return
            for event in events:
                yield event
                if event.data.status.terminal:
                    return
                after = event.id
            if not events:
                yield None

    async def ended(self, request: Request, job_id: str, tenant: str, seconds: float) -> Job | None:
        """The tenant's job if it ends within so many seconds, as long as the client stays to hear of it.

        Raises redis errors.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as wait:
                with _cut_short(wait, _left(request), self._stopping.wait()):
                    return await self._events.ended(job_id, tenant)
        return None


@contextmanager
def _cut_short(wait: asyncio.Timeout, *by: Coroutine[Any, Any, object]) -> Iterator[None]:
    """While entered, the time is over as soon as one of these ends."""

    def end(task: asyncio.Task[object]) -> None:
        if not task.cancelled():
            wait.reschedule(asyncio.get_running_loop().time())

    tasks = [asyncio.create_task(each) for each in by]
    for task in tasks:
        task.add_done_callback(end)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(end)
            task.cancel()


async def _left(request: Request) -> None:
    """Return once the client has gone; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
