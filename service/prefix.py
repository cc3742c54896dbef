"""A service under a path of a host: `/jobs` is reached as `/pentimento/jobs`, and answers say so.

Only answers know of it: what is stored and what is posted name paths without it.
"""

import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A quote inside a JSON string is escaped, so nothing that a client wrote can look like one of these fields.
_PATH: Final = re.compile(
    rb'("(?:[a-z_]*url|self|events|cancel|image|mask)":\s*"|"urls":\s*\[")(?=/(?:images|jobs)/)'
)
_URLS: Final = re.compile(rb'"urls":\s*\[[^\]]*\]')
_NEXT: Final = re.compile(rb'(,\s*")(?=/(?:images|jobs)/)')


def prefixed(body: bytes, prefix: str) -> bytes:
    """JSON with the paths of its links and pictures under the prefix."""
    added = prefix.encode()
    there = _PATH.sub(rb"\g<1>" + added, body)
    return _URLS.sub(lambda found: _NEXT.sub(rb"\g<1>" + added, found[0]), there)


class Prefix:
    """Takes the prefix off the paths of requests, whether or not a proxy did so, and puts it into answers."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] == self.prefix:  # the page there names its files relative to the folder
            await RedirectResponse(f"{self.prefix}/", 308)(scope, receive, send)
            return
        start: Message | None = None
        rewritten = streamed = False

        async def send_prefixed(message: Message) -> None:
            nonlocal start, rewritten, streamed
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                media = headers.get("content-type", "").partition(";")[0]
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.prefix + headers["location"]
                rewritten = media == "application/json"
                streamed = media == "text/event-stream"
                if rewritten and "content-length" in headers:
                    start = message
                    return
            elif rewritten or streamed:
                message = {**message, "body": prefixed(message.get("body", b""), self.prefix)}
                if start is not None:
                    if scope["method"] == "HEAD":
                        del MutableHeaders(scope=start)["content-length"]
                    else:
                        MutableHeaders(scope=start)["content-length"] = str(len(message["body"]))
                    await send(start)
                    start = None
            await send(message)

        await self.app(self._inner(scope), receive, send_prefixed)

    def _inner(self, scope: Scope) -> Scope:
        path, raw = scope["path"], scope.get("raw_path", b"")
        if not path.startswith(f"{self.prefix}/"):
            return scope
        # A copy: the server goes on reading its own scope.
        return {**scope, "path": path[len(self.prefix) :], "raw_path": raw[len(self.prefix) :]}
