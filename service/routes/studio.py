"""The studio: one page and the files it is made of."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

router = APIRouter()

_FOLDER = Path(__file__).parent.parent / "studio"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; object-src 'none'",
}


class StudioFiles(StaticFiles):
    """The page's scripts, styles and example pictures; asked for anew only once they have changed."""

    def __init__(self) -> None:
        super().__init__(directory=_FOLDER)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """The page itself, which needs no key: it asks for one when the API does."""
    return await StudioFiles().get_response("index.html", request.scope)
