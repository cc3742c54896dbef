"""The outermost layer: what holds for every request and every answer, whatever the route."""

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_schemas import ErrorCode, Problem
from service.errors import problem_response
from service.settings import is_loopback

JSON_BYTES = 256 * 2**10
UPLOAD_BYTES = 28 * 2**20  # 20 MiB of image as base64, and the rest of the body
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
    return UPLOAD_BYTES if path == "/invert" else JSON_BYTES


class Edge:
    """Security headers, HEAD, early refusal of bodies declared too large, and a problem for every crash.

    With `local_only`, requests that name another host are refused, so that a web page cannot reach a service
    on loopback through a name of its own (DNS rebinding), and so are those that a page of another site sends.
    """

    def __init__(self, app: ASGIApp, local_only: bool) -> None:
        self.app = app
        self.local_only = local_only

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
            response = problem_response(refusal, {"Connection": "close"})
            await response(scope, receive, send_with_headers)
            return
        # A copy: the server goes on reading its own scope.
        asked = {**scope, "method": "GET"} if head else scope
        try:
            await self.app(asked, receive, send_with_headers)
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
        host = headers.get("host", "").rpartition("@")[2]
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if self.local_only and not is_loopback(name):
            return Problem.of(
                ErrorCode.NOT_FOUND, f"This service answers to localhost, not to {name!r}.", instance=path
            )
        if self.local_only and _from_another_site(headers, scope["method"]):
            return Problem.of(
                ErrorCode.FORBIDDEN,
                "This service takes no requests from pages of other sites.",
                instance=path,
            )
        declared, cap = headers.get("content-length", ""), body_cap(path)
        if declared.isdecimal() and int(declared[:20]) > cap:
            detail = f"The body has {declared} bytes; at most {cap} are accepted here."
            return Problem.of(ErrorCode.PAYLOAD_TOO_LARGE, detail, instance=path)
        return None


def _from_another_site(headers: Headers, method: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and not is_loopback(_host_name(origin)):
        return True
    followed_link = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site") == "cross-site" and not followed_link


def _host_name(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
