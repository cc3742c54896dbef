"""What EXIF says of how a picture looks: how the camera was held, and its colours (CIPA DC-008; DCF 2.0)."""

import struct
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

_HEAD: Final = b"Exif\0\0"
_ORDER: Final = {b"II*\0": "<", b"MM\0*": ">"}
_SHORT, _LONG, _ASCII = 3, 4, 2
_ORIENTATION, _EXIF, _COLOUR_SPACE, _INTEROPERABILITY, _INDEX = 0x0112, 0x8769, 0xA001, 0xA005, 1
_UNCALIBRATED: Final = 0xFFFF
_ADOBE_RGB: Final = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turn(image: Image.Image, exif: bytes | None) -> Image.Image:
    """The image upright; itself if EXIF is missing, damaged or has nothing against it."""
    how = _TURNS.get(_number(_first(_tiff(exif)), _ORIENTATION, _SHORT))
    return image if how is None else image.transpose(how)


def camera_colours(exif: bytes | None) -> dict[str, Any]:
    """Adobe RGB, by the names of `pictures.upright_srgb`, if a camera was set to it; else nothing.

    Cameras write no profile then, but an uncalibrated colour space and the interoperability index R03.
    """
    tiff = _tiff(exif)
    camera = _entries(tiff, _number(_first(tiff), _EXIF, _LONG))
    related = _entries(tiff, _number(camera, _INTEROPERABILITY, _LONG))
    uncalibrated = _number(camera, _COLOUR_SPACE, _SHORT) == _UNCALIBRATED
    if uncalibrated and related.get((_INDEX, _ASCII, 4)) == b"R03\0":
        return {"chromaticity": _ADOBE_RGB, "gamma": 1 / 2.2}
    return {}


_Entries = Mapping[tuple[int, int, int], bytes | int]


def _tiff(exif: bytes | None) -> bytes:
    return (exif or b"").removeprefix(_HEAD)


def _first(tiff: bytes) -> _Entries:
    order = _ORDER.get(tiff[:4])
    return (
        {} if order is None or len(tiff) < 8 else _entries(tiff, struct.unpack_from(f"{order}I", tiff, 4)[0])
    )


def _entries(tiff: bytes, at: int) -> _Entries:
    """Values of at most four bytes by tag, type and count, of the directory `at` a place, 0 for none.

    Pillow's own reading of damaged EXIF is full of warnings, and of a picture's every tag.
    """
    order = _ORDER.get(tiff[:4])
    if order is None or not at or at + 2 > len(tiff):
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    rows = tiff[at + 2 : at + 2 + 12 * count]
    found: dict[tuple[int, int, int], bytes | int] = {}
    for tag, kind, number, value in struct.iter_unpack(f"{order}HHI4s", rows[: len(rows) // 12 * 12]):
        width = {_SHORT: "H", _LONG: "I"}.get(kind)
        found.setdefault((tag, kind, number), struct.unpack_from(order + width, value)[0] if width else value)
    return found


def _number(entries: _Entries, tag: int, kind: int) -> int:
    found = entries.get((tag, kind, 1), 0)
    return found if isinstance(found, int) else 0
