"""PNG files without what is thrown away anyway (PNG specification, third edition, W3C 2025)."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pictures.errors import InvalidPicture

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHUNKS: Final = 100_000
_PROFILE_BYTES: Final = 4 * 2**20
_GREY, _RGB = 0, 2
_COLOURS: Final = frozenset({b"cICP", b"iCCP", b"sRGB", b"cHRM", b"gAMA"})


@dataclass(frozen=True, kw_only=True)
class Png:
    """A PNG of pixels, palette and transparency alone, and what else there was to know of it.

    `colours` is what its values mean, by the names of `pictures.upright_srgb`.
    """

    data: bytes
    colours: Mapping[str, object]
    exif: bytes | None
    animated: bool


def strip(data: bytes) -> Png:
    """Drop every ancillary chunk that does not change how the pixels look, unread and of any size.

    A missing end is put right. A transparent colour below or above 8 bits is rewritten for the 8 bits that
    Pillow decodes to (16-bit grey stays, as it is decoded whole).

    Raises InvalidPicture if a chunk is cut off.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    exif, animated, depth, colour = None, False, 8, _RGB
    said: dict[bytes, bytes] = {}
    for name, body, whole in _chunks(data):
        if name == b"IHDR" and len(body) == 13:
            depth, colour = body[8], body[9]
        elif name in _COLOURS:
            said.setdefault(name, bytes(body))
        elif name == b"eXIf":
            exif = bytes(body)
        elif name == b"acTL":
            animated = True
        elif name == b"tRNS":
            whole = _chunk(name, _transparent(bytes(body), depth, colour))
        if name[0:1].isupper() or name == b"tRNS":
            kept.append(whole)
    kept.append(_chunk(b"IEND", b""))
    return Png(data=b"".join(kept), colours=_colours(said), exif=exif, animated=animated)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bytes | memoryview]]:
    """Name, body and whole of each chunk before the end; damaged ancillary chunks are passed over."""
    view, at = memoryview(data), len(SIGNATURE)
    for _ in range(_CHUNKS):
        if at + 8 > len(data):
            return
        (length,), name = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        end = at + 12 + length
        if name == b"IEND":
            return
        ancillary = not name[0:1].isupper()
        if end > len(data):
            if ancillary:
                return
            raise InvalidPicture("The PNG image cannot be decoded: it is cut off.")
        body = view[at + 8 : end - 4]
        if not ancillary or struct.unpack_from(">I", data, end - 4)[0] == zlib.crc32(view[at + 4 : end - 4]):
            yield name, body, view[at:end]
        at = end
    raise InvalidPicture(f"The PNG image has more than {_CHUNKS} chunks.")


def _transparent(value: bytes, depth: int, colour: int) -> bytes:
    if colour == _GREY and depth < 8 and len(value) == 2:
        return struct.pack(">H", int.from_bytes(value) * 255 // (2**depth - 1)) if depth > 1 else value
    if colour == _RGB and depth == 16 and len(value) == 6:
        return struct.pack(">3H", *(each >> 8 for each in struct.unpack(">3H", value)))
    return value


def _colours(said: Mapping[bytes, bytes]) -> Mapping[str, object]:
    """Damaged chunks say nothing; those that are left are in their order of precedence (section 4.3)."""
    codes, gamma, points = (said.get(name, b"") for name in (b"cICP", b"gAMA", b"cHRM"))
    found: dict[str, object] = {}
    if len(codes) == 4 and codes[2] == 0:
        found["cicp"] = codes[0], codes[1], codes[3] != 0
    if profile := _unpack(said.get(b"iCCP", b"")):
        found["icc_profile"] = profile
    if b"sRGB" in said:
        found["srgb"] = True
    if len(gamma) == 4:
        found["gamma"] = _fractions(gamma)[0]
    if len(points) == 32:
        found["chromaticity"] = _fractions(points)
    return found


def _fractions(body: bytes) -> tuple[float, ...]:
    return tuple(n / 100_000 for (n,) in struct.iter_unpack(">I", body))


def _unpack(body: bytes) -> bytes | None:
    packed = body.partition(b"\0")[2][1:]
    unzip = zlib.decompressobj()
    try:
        profile = unzip.decompress(packed, _PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if unzip.eof else None


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
