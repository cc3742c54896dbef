"""The colours that AVIF and HEIC files name by code points (ISO/IEC 14496-12, 12.1.5; 23008-12, 6.5.5)."""

import struct
from collections.abc import Iterator
from typing import Final

_WAY: Final = ((b"meta", 4), (b"iprp", 0), (b"ipco", 0))
_BOXES: Final = 10_000


def code_points(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the first `colr` box of type nclx, by ITU-T H.273; None if there is none."""
    inside = memoryview(data)
    for wanted, skipped in _WAY:
        found = next((body for name, body in _boxes(inside) if name == wanted), None)
        if found is None:
            return None
        inside = found[skipped:]
    for name, body in _boxes(inside):
        if name == b"colr" and bytes(body[:4]) == b"nclx" and len(body) >= 10:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    for _ in range(_BOXES):
        if at + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and at + 16 <= len(data):
            (length,), start = struct.unpack_from(">Q", data, start), at + 16
        end = at + length if length else len(data)
        if end < start or end > len(data):
            return
        yield name, data[start:end]
        at = end
