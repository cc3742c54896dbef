"""Large bodies on disk: how many bytes may be on their way at once, and how a picture is read out of one."""

import base64
import io
import json
import mmap
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from secrets import token_hex
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

from anyio import to_thread

from api_schemas import ErrorCode
from service.errors import ServiceError

_PIECE: Final = 2**20
_RETRY_AFTER_S: Final = 2
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_PICTURE: Final = re.compile(rb'(?<!\\)"(image|mask)"[ \t\r\n]*:[ \t\r\n]*"')
_NAMES: Final = {
    "image": 0,
    "mask": 1024,
}  # the bytes up to which one is left in the body: a mask may be a path
_DATA_URL: Final = re.compile(rb"data:[^,]{0,200};base64,")


class InFlight:
    """Admits bodies while all together have at most `total` bytes, and those of one caller half of that."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: Counter[str] = Counter()

    @contextmanager
    def held(self, who: str, size: int) -> Iterator[None]:
        """While entered, so many bytes of this caller count; raises overloaded if that is too many."""
        if self._held[who] + size > self._total // 2 or self._held.total() + size > self._total:
            raise ServiceError(
                ErrorCode.OVERLOADED,
                "As many bytes of pictures as the service takes at once are on their way; try again shortly.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )
        self._held[who] += size
        try:
            yield
        finally:
            self._held[who] -= size
            if not self._held[who]:
                del self._held[who]


class Held(NamedTuple):
    """A picture in base64 that was taken out of a JSON body, where `placeholder` stands for it."""

    placeholder: str
    escaped: bytes | None
    start: int
    stop: int


class Split(NamedTuple):
    """A JSON body without its long pictures, and these by the names of their fields."""

    body: bytes
    held: Mapping[str, Held]


@asynccontextmanager
async def spooled(pieces: AsyncIterator[bytes]) -> AsyncIterator[IO[bytes]]:
    """A temporary file with these bytes, which ceases to exist afterwards.

    Raises ServiceError: insufficient_storage.
    """
    with TemporaryFile() as file:
        kept: list[bytes] = []
        size = 0
        try:
            async for piece in pieces:
                kept.append(piece)
                size += len(piece)
                if size >= _PIECE:
                    await to_thread.run_sync(file.write, b"".join(kept))
                    kept, size = [], 0
            file.write(b"".join(kept))
            file.flush()
        except OSError as error:
            detail = "There is no room to receive the picture."
            raise ServiceError(ErrorCode.INSUFFICIENT_STORAGE, detail) from error
        yield file


def split(file: IO[bytes]) -> Split:
    """Find the pictures in a spooled JSON body; those of a few bytes are left in it."""
    file.seek(0, io.SEEK_END)
    if not file.tell():
        return Split(b"", {})
    held: dict[str, Held] = {}
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        kept: list[bytes] = []
        at = 0  # what comes before is kept or held
        seen = 0
        while len(held) < len(_NAMES) and (found := _PICTURE.search(body, seen)):
            name, start = found[1].decode(), found.end()
            stop = body.find(b'"', start)
            while stop > 0 and _escaped(body, stop):
                stop = body.find(b'"', stop + 1)
            seen = max(start, stop)
            if name in held or stop - start <= _NAMES[name]:
                continue
            placeholder = token_hex(16)
            # Escapes are legal and rare: PHP writes `/` as `\/`. Then the string is read whole.
            written = body[start:stop] if body.find(b"\\", start, stop) >= 0 else None
            held[name] = Held(placeholder, written, start, stop)
            kept += [body[at:start], placeholder.encode()]
            at = stop
        return Split(b"".join([*kept, body[at:]]), held)


def decode(file: IO[bytes], held: Held) -> bytes:
    """A picture of a split body. Raises ValueError, also for a data URL in a form of its own."""
    if held.escaped is not None:
        text = json.loads(b'"' + held.escaped + b'"')
        return decode_base64([text.encode("ascii").translate(None, b" \t\r\n")])
    return decode_base64(_pieces(file, held.start, held.stop))


def decode_base64(pieces: Iterable[bytes]) -> bytes:
    """The bytes that base64 stands for, in either alphabet, padded or not, bare or as a data URL.

    Raises ValueError.
    """
    out, rest, begun = io.BytesIO(), b"", False
    for piece in pieces:
        packed = rest + piece
        if not begun and packed.startswith(b"data:"):
            head = _DATA_URL.match(packed)
            if head is None:
                raise DataUrlError
            packed = packed[head.end() :]
        begun = True
        packed = packed.translate(_URL_SAFE, b" ")
        whole = max(0, len(packed) - 1) // 4 * 4
        if whole:
            if b"=" in packed[:whole]:
                raise ValueError("padding before the end")
            out.write(base64.b64decode(packed[:whole], validate=True))
        rest = packed[whole:]
    out.write(base64.b64decode(rest + b"=" * (-len(rest) % 4), validate=True))
    return out.getvalue()


class DataUrlError(ValueError):
    """A data URL that is not one of base64."""


def _pieces(file: IO[bytes], start: int, stop: int) -> Iterator[bytes]:
    file.seek(start)
    while start < stop and (piece := file.read(min(_PIECE, stop - start))):
        start += len(piece)
        yield piece


def _escaped(body: mmap.mmap, at: int) -> bool:
    backslashes = 0
    while at - backslashes > 0 and body[at - backslashes - 1] == ord("\\"):
        backslashes += 1
    return backslashes % 2 == 1
