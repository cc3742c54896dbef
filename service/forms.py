"""Forms as they are really sent: files named in either spelling, and text in parts that look like files."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

_LONGEST_TEXT: Final = 64 * 2**10
_EXTENDED: Final = re.compile(rb";\s*filename\*\s*=", re.IGNORECASE)
_PLAIN: Final = re.compile(rb";\s*filename\s*=", re.IGNORECASE)


class _Parser(MultiPartParser):
    """One that takes a part with only a `filename*`, which RFC 7578 forbids and some send, for a file too."""

    def on_headers_finished(self) -> None:
        sent = self._current_part.content_disposition or b""
        if _EXTENDED.search(sent) and not _PLAIN.search(sent):
            self._current_part.content_disposition = sent + b'; filename="file"'
        super().on_headers_finished()


@asynccontextmanager
async def form(request: Request, files: Collection[str], most: int) -> AsyncIterator[FormData]:
    """The fields of a form of at most so many; only those named in `files` stay files, open while entered.

    Scripts send JSON as a `Blob`, which makes a file of a field: such a part is read as the text that it is.
    Raises HTTPException.
    """
    parser = _Parser(request.headers, request.stream(), max_files=most, max_fields=most)
    try:
        parsed = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    try:
        yield FormData(
            [(name, value if name in files else await _text(value)) for name, value in parsed.multi_items()]
        )
    finally:
        await parsed.close()


async def _text(value: str | UploadFile) -> str | UploadFile:
    if not isinstance(value, UploadFile) or (value.size or 0) > _LONGEST_TEXT:
        return value
    try:
        return (await value.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        await value.seek(0)
        return value
