"""What is written down of every request: a line in the log, and a count in the metrics."""

import re
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics

REQUEST_ID: Final = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NAMED: Final = ("job_id", "image_id")
_LONGEST_PATH: Final = 200
_UNANSWERED: Final = 499

log = structlog.get_logger("service.requests")


class Watch:
    """Gives every request an id, which the answer and all log lines on its behalf bear; the client's if fit.

    A request whose client went away before the answer counts as one of status 499.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, seconds = perf_counter(), _UNANSWERED, 0.0
        scope.setdefault("state", {})
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex

        async def watched(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - began
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, watched)
            finally:
                self._write_down(scope, status, seconds or perf_counter() - began)

    def _write_down(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "") or scope.get("root_path") or "none"
        self._metrics.request(method, route, status, seconds)
        if route in PROBES and status < 400:
            return
        about = {name: value for name, value in scope.get("path_params", {}).items() if name in _NAMED}
        about |= _asker(scope)
        path = scope["path"][:_LONGEST_PATH]
        log.info("request", method=method, path=path, status=status, seconds=round(seconds, 4), **about)


def _asker(scope: Scope) -> dict[str, Any]:
    caller = scope["state"].get("caller")
    return {} if caller is None else {"tenant": caller.tenant, "key": caller.key_id}


def request_id() -> str | None:
    """The id of the request that is being served."""
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found
