"""The outermost layer: what holds for every request and every answer, whatever the route."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_schemas import ErrorCode, Problem
from service.errors import problem_response
from service.origins import Origins

JSON_BYTES = 256 * 2**10
UPLOAD_BYTES = 88 * 2**20  # 64 MiB of image as base64, and the rest of the body
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

log = logging.getLogger(__name__)


def body_cap(path: str) -> int:
    """The most bytes a body sent to this path may have."""
    return UPLOAD_BYTES if path in ("/invert", "/edit", "/v1/images/edits") else JSON_BYTES


class Edge:
    """Security headers, HEAD, early refusal of bodies declared too large, and a problem for every crash.

    Requests are refused too that name a host which is not ours, or that a page of another site sends.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False
        head = scope["method"] == "HEAD"

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            elif head:
                return
            await send(message)
            if started and head:  # at once: the body may be a stream that goes on for long
                await send({"type": "http.response.body"})

        refusal = self._refusal(scope)
        if refusal is not None:
            coded = {"Accept-Encoding": "identity"} if refusal.status == 415 else {}
            response = problem_response(refusal, {"Connection": "close", **coded})
            await response(scope, receive, send_with_headers)
            return
        # A copy: the server goes on reading its own scope.
        asked = {**scope, "method": "GET"} if head else scope
        try:
            await self.app(asked, receive, send_with_headers)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            detail = "Something went wrong inside the service; its log has the details."
            problem = Problem.of(ErrorCode.INTERNAL_ERROR, detail, instance=scope["path"])
            await problem_response(problem)(scope, receive, send_with_headers)
        finally:
            scope.update({name: asked[name] for name in ("route", "path_params") if name in asked})

    def _refusal(self, scope: Scope) -> Problem | None:
        headers, path = Headers(scope=scope), scope["path"]
        refusal = self.origins.refusal(headers, scope["method"], path, scope.get("http_version", "1.1"))
        if refusal is not None:
            return refusal
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            detail = (
                f"Bodies are taken as they are: send this one without 'Content-Encoding: {encoding[:40]}'."
            )
            return Problem.of(ErrorCode.UNSUPPORTED_MEDIA_TYPE, detail, instance=path)
        declared, cap = headers.get("content-length", ""), body_cap(path)
        if declared.isdecimal() and int(declared[:20]) > cap:
            detail = f"The body has {declared} bytes; at most {cap} are accepted here."
            return Problem.of(ErrorCode.PAYLOAD_TOO_LARGE, detail, instance=path)
        return None
