"""ICC profiles of displays, made of a colour space (ICC.1:2001-04, 6.3.4.2)."""

import struct
from typing import Final

from pictures.matrices import transposed
from pictures.spaces import Space

_NODES: Final = 16 * 255 + 1  # each of 256 levels is one of them
_D50: Final = (63190, 65536, 54061)


def display_profile(space: Space) -> bytes:
    """A profile by which values of `space` are converted, of three primaries and a curve."""
    points = b"".join(struct.pack(">H", round(65535 * space.curve(n / (_NODES - 1)))) for n in range(_NODES))
    curve = b"curv\0\0\0\0" + struct.pack(">I", _NODES) + points
    columns = transposed(space.primaries.to_xyz())
    tags = {b"wtpt": _point(_D50)}
    tags |= {
        name + b"XYZ": _point(tuple(round(65536 * value) for value in column))
        for name, column in zip((b"r", b"g", b"b"), columns, strict=True)
    }
    return _profile(tags, curve)


def _point(xyz: tuple[int, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *xyz)


def _profile(tags: dict[bytes, bytes], curve: bytes) -> bytes:
    start = 128 + 4 + 12 * (len(tags) + 3)
    table, bodies = b"", b""
    for name, body in tags.items():
        table += name + struct.pack(">II", start + len(bodies), len(body))
        bodies += body
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        table += name + struct.pack(">II", start + len(bodies), len(curve))
    rest = struct.pack(">I", len(tags) + 3) + table + bodies + curve
    rest += b"\0" * (-len(rest) % 4)
    header = struct.pack(">I", 128 + len(rest)) + b"\0\0\0\0" + b"\x02\x10\0\0" + b"mntrRGB XYZ "
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + struct.pack(">3i", *_D50)
    return header.ljust(128, b"\0") + rest
