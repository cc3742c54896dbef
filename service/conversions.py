"""Pictures in other formats and sizes than the stored one: made once, for one request of a tenant at once."""

import asyncio
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import anyio
from anyio import CapacityLimiter, to_thread
from cachetools import LRUCache

from api_schemas import OutputFormat
from service.encoder import encode

_ENCODER: Final = Path(__file__).with_name("encoder.py")
_AT_ONCE: Final = 2
_CACHED_BYTES: Final = 64 * 2**20
_QUICK_PIXELS: Final = 2**20


class Picture(NamedTuple):
    """The bytes of a picture as they are sent, and their SHA-256."""

    data: bytes
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Picture":
        """These bytes with their digest."""
        return cls(data, hashlib.sha256(data).hexdigest())


class Conversions:
    """Encodes stored pictures for answers, and remembers the last 64 MiB of what it made.

    A picture of more than a million pixels is encoded in a process of its own, which ends at once when the
    request is canceled. Nothing here shares threads or processors with the decoders of uploads.
    """

    def __init__(self) -> None:
        self._made: LRUCache[tuple[str, OutputFormat, int, int], Picture] = LRUCache(
            _CACHED_BYTES, getsizeof=lambda picture: len(picture.data)
        )
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._at_once = CapacityLimiter(_AT_ONCE)

    async def convert(
        self, tenant: str, read: Callable[[], bytes], form: OutputFormat, quality: int, width: int
    ) -> Picture:
        """The picture that `read` reads as PNG in this format and at most so wide, if `width` is not 0.

        What `read` raises is raised.
        """
        stored = await to_thread.run_sync(lambda: Picture.of(read()))
        if width >= _width(stored.data):
            width = 0
        if form is OutputFormat.PNG and not width:
            return stored
        key = (stored.digest, form, quality, width)
        del stored  # many may wait below
        if key in self._made:
            return self._made[key]
        async with self._turns.setdefault(tenant, asyncio.Lock()):
            if key not in self._made:
                picture = await self._encode(await to_thread.run_sync(read), form, quality, width)
                if len(picture.data) > _CACHED_BYTES:
                    return picture
                self._made[key] = picture
            return self._made[key]

    async def _encode(self, png: bytes, form: OutputFormat, quality: int, width: int) -> Picture:
        if _pixels(png) <= _QUICK_PIXELS:
            return await to_thread.run_sync(
                lambda: Picture.of(encode(png, form.value, quality, width)), limiter=self._at_once
            )
        command = [sys.executable, "-I", str(_ENCODER), form.value, str(quality), str(width)]
        async with self._at_once:
            made = await anyio.run_process(command, input=png)
        return await to_thread.run_sync(Picture.of, made.stdout)


def _width(png: bytes) -> int:
    """The width from the header, whose place in a PNG is fixed."""
    return int.from_bytes(png[16:20])


def _pixels(png: bytes) -> int:
    return _width(png) * int.from_bytes(png[20:24])
