"""How requests travel: while this thread waits, or while its event loop does other things.

Both have the same methods, so that what is built on them is written once. Those of `Blocking` never
suspend: `now` runs a coroutine over it to its end without an event loop.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

import httpx2

from pentimento.calls import Call

Outcome = TypeVar("Outcome")
Events = AsyncIterator[httpx2.ServerSentEvent]


class Transport(Protocol):
    """One way to reach the service; every method but `close` can raise httpx2.HTTPError."""

    async def send(self, call: Call[Any]) -> httpx2.Response:
        """The whole answer."""
        ...

    def listen(
        self, path: str, after: str | None, silence_s: float
    ) -> AbstractAsyncContextManager[tuple[int, Events]]:
        """The status of the answer and the events in it; ReadTimeout after so much silence."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


class Blocking:
    """Through a client that waits."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    async def send(self, call: Call[Any]) -> httpx2.Response:
        return self._http.request(call.method, call.path, **_options(call))

    @asynccontextmanager
    async def listen(
        self, path: str, after: str | None, silence_s: float
    ) -> AsyncGenerator[tuple[int, Events]]:
        with self._http.sse(path, headers=_resuming(after), timeout=silence_s) as source:
            yield source.response.status_code, _events(source)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    async def close(self) -> None:
        self._http.close()


class Awaiting:
    """Through a client that can be awaited."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def send(self, call: Call[Any]) -> httpx2.Response:
        return await self._http.request(call.method, call.path, **_options(call))

    @asynccontextmanager
    async def listen(
        self, path: str, after: str | None, silence_s: float
    ) -> AsyncGenerator[tuple[int, Events]]:
        async with self._http.sse(path, headers=_resuming(after), timeout=silence_s) as source:
            yield source.response.status_code, aiter(source)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        await self._http.aclose()


def now(doing: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What a coroutine over a `Blocking` transport returns."""
    try:
        doing.send(None)
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome
    doing.close()
    raise AssertionError("a blocking transport suspended")


def each(items: AsyncGenerator[Outcome]) -> Iterator[Outcome]:
    """The items of a generator over a `Blocking` transport."""
    try:
        while True:
            try:
                item = now(anext(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        now(items.aclose())


async def _events(source: httpx2.EventSource) -> Events:
    for event in source:
        yield event


def _options(call: Call[Any]) -> dict[str, Any]:
    return {
        "params": call.query,
        "headers": call.headers,
        "data": call.form,
        "files": call.files,
        "json": call.body,
    }


def _resuming(after: str | None) -> dict[str, str]:
    return {} if after is None else {"Last-Event-ID": after}
