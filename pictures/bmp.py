"""Colour profiles in BMP files, which Pillow passes over (BITMAPV5HEADER of the Windows GDI)."""

import struct
from typing import Final

_FILE_HEADER: Final = 14
_V5: Final = 124
_EMBEDDED: Final = b"DEBM"


def profile(data: bytes) -> bytes | None:
    """The ICC profile that is embedded in the file, if one is."""
    header = data[_FILE_HEADER : _FILE_HEADER + _V5]
    if len(header) < _V5 or int.from_bytes(header[:4], "little") != _V5 or header[56:60] != _EMBEDDED:
        return None
    at, size = struct.unpack_from("<II", header, 112)
    return data[_FILE_HEADER + at : _FILE_HEADER + at + size] or None
