"""JPEG files without what is thrown away anyway, and whether they are whole (ITU-T T.81, annex B)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops

from pictures.errors import InvalidPicture, UnsupportedFormat

_SEGMENTS: Final = 100_000
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_MARKER: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)  # not in entropy-coded data
_BARE: Final = (0x01, 0xD8)
_START_OF_SCAN, _END = 0xDA, 0xD9
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SEQUENTIAL: Final = (0xC0, 0xC1)
_KEPT: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_COMMENT: Final = 0xFE
_EXIF: Final = b"Exif\0\0"
# What a decoder that lacks data reads as coefficients, within and after every restart interval.
_NOISE: Final = b"".join(b"\x5a\x3c\x96\xe1" * 8 + bytes((0xFF, 0xD0 + n)) for n in range(8))


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """The first picture of a JPEG, up to its end marker and without it."""

    body: bytes
    exif: bytes | None
    ended: bool
    sequential: bool

    @property
    def data(self) -> bytes:
        """The file, with an end marker."""
        return self.body + _EOI

    def check_whole(self, image: Image.Image, decode: Callable[[bytes], Image.Image]) -> None:
        """Raise InvalidPicture if the file ends in the middle of its rows; `image` is what it decodes to.

        libjpeg fills what is missing with grey and says nothing. Bytes that are put before the end marker are
        passed over if every row is there, and are taken for coefficients if not. The second decoding is made
        where there was no end marker, and where the last pixel has the grey of missing data.
        """
        last = image.getpixel((image.width - 1, image.height - 1))
        grey = all(value in (127, 128) for value in (last if isinstance(last, tuple) else (last,)))
        if self.ended and not grey:
            return
        other = decode(self.body + _NOISE + _EOI)
        if any(band != (0, 0) for band in _extrema(ImageChops.difference(image, other))):
            raise InvalidPicture("The JPEG image cannot be decoded: it ends in the middle of its rows.")


def strip(data: bytes) -> Jpeg:
    """Drop comments, previews, XMP and all application segments but JFIF, colour profile and Adobe's.

    What follows the end marker (the second picture of an MPO, a video) goes too. Raises InvalidPicture if
    there is no scan, UnsupportedFormat for more than 8 bits.
    """
    kept, at, exif = [_SOI], len(_SOI), None
    scanning, ended, sequential = False, False, True
    for _ in range(_SEGMENTS):
        found = _MARKER.search(data, at)
        if scanning:
            kept.append(data[at : found.start()] if found else data[at:].rstrip(b"\xff"))  # half a marker
        if found is None:
            break
        marker, start = found[1][0], found.end()
        if marker == _END:
            ended = True
            break
        length = 0 if marker in _BARE else int.from_bytes(data[start : start + 2])
        segment = data[start : start + length]
        if len(segment) < length or (length < 2 and marker not in _BARE):
            break
        if marker in _FRAMES and length > 2:
            _check_precision(segment[2])
            sequential = marker in _SEQUENTIAL
        if marker == 0xE1 and segment[2:].startswith(_EXIF):
            exif = exif or segment[2:]
        elif _keep(marker, segment):
            kept.append(bytes((0xFF, marker)) + segment)
        scanning = scanning or marker == _START_OF_SCAN
        at = start + length
    else:
        raise InvalidPicture(f"The JPEG image has more than {_SEGMENTS} segments.")
    if not scanning:
        raise InvalidPicture("The JPEG image cannot be decoded: it ends before its first row.")
    return Jpeg(body=b"".join(kept), exif=exif, ended=ended, sequential=sequential)


def _keep(marker: int, segment: bytes) -> bool:
    if marker == _COMMENT or marker in _BARE:
        return False
    if 0xE0 <= marker <= 0xEF:
        return marker in _KEPT and segment[2:].startswith(_KEPT[marker])
    return True


def _check_precision(bits: int) -> None:
    if bits != 8:
        raise UnsupportedFormat(
            f"The file is a JPEG of {bits} bits; those of 8 can be read. Save it as an 8-bit JPEG or as PNG."
        )


def _extrema(image: Image.Image) -> tuple[tuple[float, float], ...]:
    found = image.getextrema()
    return found if isinstance(found[0], tuple) else (found,)
