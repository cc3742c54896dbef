"""The studio: one page and the files it is made of."""

import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

router = APIRouter()

_FOLDER = Path(__file__).parent.parent / "studio"
_SUFFIXES = frozenset({".html", ".css", ".js", ".png", ".svg"})
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; object-src 'none'",
}


class _File(NamedTuple):
    """A file of the page as it is sent."""

    data: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> "_File":
        data = path.read_bytes()
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(data, media_type, f'"{hashlib.sha256(data).hexdigest()}"')


class StudioFiles:
    """The page's scripts, styles and example pictures; asked for anew only once they have changed.

    They are in memory, so that the page needs no thread and comes whatever the threads are waiting for.
    """

    def __init__(self) -> None:
        paths = (path for path in _FOLDER.rglob("*") if path.is_file() and path.suffix in _SUFFIXES)
        self._files = {path.relative_to(_FOLDER).as_posix(): _File.read(path) for path in paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application, mounted."""
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self.answer(get_route_path(scope).lstrip("/"), request)(scope, receive, send)

    def answer(self, name: str, request: Request) -> Response:
        """The file of this name; raises HTTPException."""
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404)
        headers = {**_HEADERS, "ETag": file.etag}
        known = {
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        }
        if file.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(file.data, headers=headers, media_type=file.media_type)


_FILES = StudioFiles()


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """The page itself, which needs no key: it asks for one when the API does."""
    return _FILES.answer("index.html", request)
