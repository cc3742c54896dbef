"""Asking with patience: what both clients do, whichever way their requests travel."""

import os
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2
from pydantic import ValidationError

from api_schemas import ImageList, JobList, Problem
from pentimento.calls import PAGE, Answer, Call
from pentimento.errors import ApiError, PentimentoError, Unreachable
from pentimento.transport import Transport

Page = TypeVar("Page", JobList, ImageList)

DEFAULT_URL = "http://127.0.0.1:8000"
_FIRST_DELAY_S = 0.25
_PATIENCE_S = 60.0
_PASSING = {429, 502, 503, 504}
_CONFLICT = 409


@dataclass(frozen=True)
class Place:
    """Where the service is and by which key it lets in: as given, else by $PENTIMENTO_URL and _API_KEY."""

    url: str
    key: str | None

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Place":
        """The place that is meant."""
        meant = url or os.environ.get("PENTIMENTO_URL") or DEFAULT_URL
        return cls(meant.rstrip("/"), key or os.environ.get("PENTIMENTO_API_KEY") or None)

    def options(self, timeout_s: float) -> dict[str, Any]:
        """How an HTTP client is made that talks to this place."""
        local = httpx2.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        return {
            "base_url": self.url,
            "headers": {} if self.key is None else {"Authorization": f"Bearer {self.key}"},
            "timeout": timeout_s,
            # Every job that is followed holds a connection, and other requests must not wait for one.
            "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            # Proxies that the environment names do not lead to this machine.
            "trust_env": not local,
        }


class Core:
    """Asks over a transport, again if that may help."""

    def __init__(self, transport: Transport, url: str, retries: int) -> None:
        self.transport = transport
        self._url = url
        self._retries = retries
        self._prefix = httpx2.URL(url).path.rstrip("/") + "/"

    async def ask(self, call: Call[Answer]) -> Answer:
        """The answer to a call; what passes (no connection, 429, 503) is asked again, later each time.

        A call that makes a job carries the same Idempotency-Key every time, so it makes one job. Raises
        ApiError if the service refuses, Unreachable if it cannot be asked.
        """
        call = self._inside(call)
        delay = _FIRST_DELAY_S
        for left in reversed(range(self._retries + 1)):
            try:
                answer = await self.transport.send(call)
            except httpx2.RequestError as error:
                if not left:
                    raise _nobody(self._url, error) from error
                asked_s: float | None = None
            else:
                if answer.is_success:
                    return self._read(call, answer)
                asked_s = _retry_after(answer)
                if not left or not _passes(answer.status_code, asked_s):
                    raise _refusal(self._url, answer)
            await self.transport.pause(
                _jittered(delay) if asked_s is None else asked_s + _jittered(delay) / 2
            )
            delay *= 2
        raise AssertionError("the last try returns or raises")

    async def pages(
        self, ask: Callable[[str | None, int], Call[Page]], limit: int | None
    ) -> AsyncGenerator[Page]:
        """Page after page, with no more than `limit` entries in all."""
        cursor, left = None, limit
        while left is None or left > 0:
            page = await self.ask(ask(cursor, PAGE if left is None else min(PAGE, left)))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
            if left is not None:
                left -= len(page.jobs if isinstance(page, JobList) else page.images)

    def _inside(self, call: Call[Answer]) -> Call[Answer]:
        """The call with its path as it is below the URL: the paths in answers are those of the host."""
        if self._prefix == "/" or not call.path.startswith(self._prefix):
            return call
        return replace(call, path=call.path.removeprefix(self._prefix[:-1]))

    def _read(self, call: Call[Answer], answer: httpx2.Response) -> Answer:
        try:
            return call.read(answer.content)
        except ValidationError as error:
            raise Unreachable(
                f"{self._url} answered {call.path} with something unexpected; is it Pentimento? {error}"
            ) from None


def _passes(status: int, asked_s: float | None) -> bool:
    if asked_s is not None and asked_s > _PATIENCE_S:
        return False
    # A conflict that names a time is the first try of this very call, still under way.
    return status in _PASSING or (status == _CONFLICT and asked_s is not None)


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)


def _retry_after(answer: httpx2.Response) -> float | None:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else None


def _nobody(url: str, error: httpx2.HTTPError) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(f"no answer from {url} ({reason}); is `pentimento serve` running?")


def _refusal(url: str, answer: httpx2.Response) -> PentimentoError:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return Unreachable(f"{url} answered {answer.status_code} without saying why; is it Pentimento?")
    return ApiError(problem, _retry_after(answer))
