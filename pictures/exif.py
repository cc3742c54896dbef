"""How a camera was held: the one thing of EXIF that changes how a picture looks (CIPA DC-008, 4.6.5)."""

import struct
from typing import Final

from PIL import Image

_HEAD: Final = b"Exif\0\0"
_ORDER: Final = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION, _SHORT = 0x0112, 3
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
    how = _TURNS.get(_orientation((exif or b"").removeprefix(_HEAD)))
    return image if how is None else image.transpose(how)


def _orientation(tiff: bytes) -> int:
    """Pillow's own reading of damaged EXIF is full of warnings, and of a picture's every tag."""
    order = _ORDER.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    entries = tiff[at + 2 : at + 2 + 12 * count]
    for tag, kind, number, value in struct.iter_unpack(f"{order}HHIH2x", entries[: len(entries) // 12 * 12]):
        if (tag, kind, number) == (_ORIENTATION, _SHORT, 1):
            return int(value)
    return 1
