"""TIFF files where Pillow decodes them otherwise than they mean (TIFF 6.0, TIFF/EP, DNG)."""

from typing import Final

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pictures.errors import UnsupportedFormat
from pictures.formats import ACCEPTED, RAW

_SUBFILE, _BITS, _PHOTOMETRIC, _PLANES, _SUB_IFDS, _DNG_VERSION = 254, 258, 262, 284, 330, 50706
_REDUCED: Final = 1
_WHITE_IS_ZERO: Final = 0
_SEPARATE: Final = 2


def prepare(image: TiffImageFile, data: bytes) -> None:
    """Have the image of these bytes decoded right.

    Raises UnsupportedFormat: it is the preview that a camera's raw file begins with, or of numbers that do
    not say how bright white is.
    """
    tags = image.tag_v2
    if _DNG_VERSION in tags or (tags.get(_SUBFILE, 0) == _REDUCED and _SUB_IFDS in tags):
        raise UnsupportedFormat(f"The file is {RAW[0]}; {ACCEPTED} can be read. {RAW[1]}")
    if image.mode in ("I", "F"):
        numbers = "fractions" if image.mode == "F" else "signed or 32-bit numbers"
        raise UnsupportedFormat(
            f"The file is a TIFF of {numbers}, which do not say how bright white is. "
            "Save it with 8 or 16 bits a channel."
        )
    if tags.get(_PLANES) == _SEPARATE and set(tags.get(_BITS, ())) == {16}:
        order = "L" if data[:2] == b"II" else "B"
        image.tile = [
            tile._replace(args=(f"{tile.args[0]};16{order}", tile.args[1] * 2, tile.args[2]))
            if tile.codec_name == "raw" and isinstance(tile.args, tuple) and tile.args[0] in "RGBACMYK"
            else tile
            for tile in image.tile
        ]


def sixteen_bits(image: TiffImageFile) -> Image.Image:
    """The decoded image; 12-bit grey brought to 16, and deep grey inverted whose zero is white."""
    if not image.mode.startswith("I;16"):
        return image
    found: Image.Image = image
    if image.tag_v2.get(_BITS) == (12,):
        found = found.point(lambda value: value * (65535 / 4095))
    if image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        found = found.point(lambda value: value * -1 + 65535)
    return found
