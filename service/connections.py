"""The HTTP protocol of the server with bounds on what a connection may cost: bytes of headers, and time.

uvicorn itself bounds neither; the proxy in `deploy/chart/files/nginx.conf` has the same bounds for what
it lets through.
"""

import logging
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api_schemas import PROBLEM_JSON, ErrorCode, Problem

_PIPELINED: Final = 16
_DESCRIPTORS: Final = 8192
_OWN_DESCRIPTORS: Final = 128

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """What a connection may cost, and how many there may be; times in seconds.

    `head_bytes` is of the request line and all headers, `head_s` the time for them. A body must bring
    something every `body_idle_s`, and `body_rate` bytes a second in the mean once that time has passed.
    `stalled_s` is how long a client may leave an answer unread, `idle_s` how long a connection may wait for
    its next request.
    """

    connections: int = 1000
    head_bytes: int = 32 * 2**10
    head_s: float = 10.0
    body_idle_s: float = 10.0
    body_rate: int = 4 * 2**10
    stalled_s: float = 30.0
    idle_s: int = 75


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `overdue` is asked about it every second.

    It is in one of four states: `idle` between requests, `head` until all headers are there, `body` until the
    body is, `answer` from then on. A connection over the number that is allowed takes the place of the one
    that has waited longest in `idle` or `head`, so that half-sent requests cannot block others.
    """

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._reading: Literal["idle", "head", "body", "answer"] = "head"
        self._since = self._heard = monotonic()
        self._stalled = float("inf")
        self._head = self._fields = self._framing = self._body = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections and not self._make_room():
            self._refuse(ErrorCode.OVERLOADED, "The service has all the connections that it may have.")

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._heard = monotonic()
        if self._reading == "idle":
            self._begin_head()
        in_head, in_body = self._reading == "head", self._reading == "body"
        super().data_received(data)
        if self.transport.is_closing():
            return
        if in_head and self._reading == "head":
            self._head += len(data)
        if in_body and self._reading == "body":
            self._framing += len(data)
        if self._head > self._limits.head_bytes:
            self._refuse_head()
        # Chunks of a byte, their extensions and trailers: more around the body than in it.
        elif self._framing > self._body + self._limits.head_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._reading != "head":
            self._begin_head()

    def on_url(self, url: bytes) -> None:
        self._fields += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += len(name) + len(value) + len(b": \r\n")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._fields > self._limits.head_bytes:
            self._refuse_head()
        elif len(self.pipeline) > _PIPELINED:
            self.transport.abort()
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        self._reading, self._since, self._heard = "body", monotonic(), monotonic()
        self._head = self._framing = self._body = 0

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.cycle is not None and not self.transport.is_closing():
            super().on_message_complete()
            self._reading = "idle" if self.cycle.response_complete else "answer"

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._reading == "answer" and not self.pipeline:
            self._reading, self._since = "idle", monotonic()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled = float("inf")

    def send_400_response(self, msg: str) -> None:
        self._refuse(ErrorCode.BAD_REQUEST, msg)

    def overdue(self, now: float) -> None:
        """End the connection if its client lets it wait for too long."""
        if now - self._stalled > self._limits.stalled_s:
            self.transport.abort()
        elif self._reading == "head" and now - self._since > self._limits.head_s:
            self._refuse(
                ErrorCode.REQUEST_TIMEOUT, f"The headers took more than {self._limits.head_s:g} s to come."
            )
        elif self._reading == "body" and not self.flow.read_paused and self._body_lags(now):
            self._refuse(ErrorCode.REQUEST_TIMEOUT, "The body came too slowly, or not at all.")

    def _body_lags(self, now: float) -> bool:
        taken = now - self._since
        if now - self._heard > self._limits.body_idle_s:
            return True
        return taken > self._limits.body_idle_s and self._body < self._limits.body_rate * taken

    def _begin_head(self) -> None:
        self._reading, self._since = "head", monotonic()
        self._head = self._fields = 0

    def _make_room(self) -> bool:
        waiting = (
            each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self
        )
        waiting = (each for each in waiting if each._reading in ("idle", "head"))
        longest = min(waiting, key=lambda each: each._since, default=None)
        if longest is None:
            return False
        # It counts no more from now on; the loop reports its end only later.
        self.connections.discard(longest)
        longest.transport.abort()
        return True

    def _refuse_head(self) -> None:
        limit = self._limits.head_bytes
        self._refuse(ErrorCode.HEADERS_TOO_LARGE, f"The headers have more than {limit} bytes in all.")

    def _refuse(self, code: ErrorCode, detail: str) -> None:
        """Answer with a problem unless an answer has begun, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_raw(Problem.of(code, detail)))
        self.transport.close()


def sweep(connections: Iterable[object]) -> None:
    """Look at all connections once."""
    now = monotonic()
    for connection in list(connections):
        if isinstance(connection, BoundedProtocol):
            connection.overdue(now)


def provide_descriptors(connections: int) -> int:
    """Raise this process's bound on open files to what the connections need; gives how many it can bear.

    A stream of events may hold a connection to the store as well, so each counts twice.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(_DESCRIPTORS, 2 * connections + _OWN_DESCRIPTORS)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    borne = connections if soft == resource.RLIM_INFINITY else (soft - _OWN_DESCRIPTORS) // 2
    if borne < connections:
        log.warning("only %d connections are accepted: at most %d files may be open", borne, soft)
    return max(1, min(connections, borne))


def _raw(problem: Problem) -> bytes:
    body = problem.model_dump_json(exclude_none=True).encode()
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **({"Retry-After": "5"} if problem.status == 503 else {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[problem.status] + lines.encode("latin-1") + b"\r\n" + body
