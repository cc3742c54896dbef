"""Jobs as they go on: waiting for what happens next, and for their end, without asking again and again."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import anyio
from fastapi import Request
from redis.exceptions import RedisError

from api_schemas import Job
from store import AsyncEvents, BadCursor, Event

_LOOK_MS: Final = 4000
_AGAIN_S: Final = 0.05

T = TypeVar("T")


class Follower:
    """The events of jobs for the requests that follow them; ends early when the process does.

    However many follow a job, one task reads its stream, on one connection.
    """

    def __init__(self, events: AsyncEvents, stopping: asyncio.Event) -> None:
        self._events = events
        self._stopping = stopping
        self._readers: dict[str, _Reader] = {}
        self._ending: asyncio.Task[None] | None = None

    async def follow(self, job_id: str, after: str | None = None) -> AsyncGenerator[Event | None, None]:
        """Every event after this one up to the last there can be; None whenever nothing happened for long.

        Raises BadCursor and redis errors.
        """
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        reader, news = self._join(job_id, after)
        behind = True
        try:
            while True:
                # What came before the reader began, first; it may overlap with what the reader finds.
                batch = await self._events.read(job_id, after) if behind else await news.get()
                if isinstance(batch, Exception):
                    raise batch
                if batch is None:
                    return
                for event in batch:
                    if after is None or _order(event.id) > _order(after):
                        yield event
                        after = event.id
                    if event.data.status.terminal:
                        return
                if not batch and not behind:
                    yield None
                behind = behind and bool(batch)
        finally:
            reader.followers.discard(news)
            if not reader.followers:
                reader.task.cancel()
                if self._readers.get(job_id) is reader:
                    del self._readers[job_id]

    async def _end(self) -> None:
        """Let all followers go when the process stops, however long their readers take to notice."""
        await self._stopping.wait()
        for reader in list(self._readers.values()):
            reader.send(None)

    def _join(self, job_id: str, after: str | None) -> tuple["_Reader", "_News"]:
        reader = self._readers.get(job_id)
        if reader is None:
            reader = self._readers[job_id] = _Reader()
            reader.task = asyncio.create_task(self._read(job_id, after, reader))
        news: _News = asyncio.Queue()
        reader.followers.add(news)
        return reader, news

    async def _read(self, job_id: str, after: str | None, reader: "_Reader") -> None:
        batch: list[Event] = []
        try:
            async with asyncio.timeout(None) as wait:
                with _cut_short(wait, self._stopping.wait()):
                    # A cancellation may be lost, see `_canceled`.
                    while reader.followers and not wait.expired() and not _last(batch):
                        batch = await self._events.read(job_id, after, _LOOK_MS)
                        after = batch[-1].id if batch else after
                        reader.send(batch)
        except TimeoutError:
            pass
        except (BadCursor, RedisError) as error:
            reader.send(error)
        finally:
            if self._readers.get(job_id) is reader:
                del self._readers[job_id]
            reader.send(None)

    async def ended(self, request: Request, job_id: str, tenant: str, seconds: float) -> Job | None:
        """The tenant's job if it ends within so many seconds, as long as the client stays connected.

        Raises redis errors.
        """
        work = asyncio.create_task(self._events.ended(job_id, tenant))
        others = [asyncio.create_task(each) for each in (_left(request), self._stopping.wait())]
        try:
            await asyncio.wait([work, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for task in others:
                task.cancel()
            await _canceled(work)


_Batch = list[Event] | Exception | None  # of a reader: what is new, why it failed, or that it has ended
_News = asyncio.Queue[_Batch]


@dataclass(eq=False)
class _Reader:
    """The task that reads the stream of a job, and those it reads for."""

    followers: set[_News] = field(default_factory=set)
    task: asyncio.Task[None] = field(init=False)

    def send(self, batch: _Batch) -> None:
        for news in self.followers:
            news.put_nowait(batch)


def _order(event_id: str) -> tuple[int, ...]:
    return tuple(map(int, event_id.split("-")))


def _last(batch: list[Event]) -> bool:
    return any(event.data.status.terminal for event in batch)


async def _canceled(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended: `wait_for` in redis, before Python 3.12, may lose a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)


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


async def unless_left(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives or raises; it is canceled as soon as the client has gone, and then gives None."""
    outcome: T | Exception | None = None

    async def watch(scope: anyio.CancelScope) -> None:
        await _left(request)
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        try:
            outcome = await work
        except Exception as error:  # a task group would wrap it
            outcome = error
        group.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
