"""Untrusted bytes as a picture: bounded before anything is decoded, and in 8-bit sRGB when it is."""

import io
import re
from dataclasses import dataclass
from math import prod, sqrt
from typing import Final

from PIL import Image, ImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.TiffImagePlugin import TiffImageFile

from pictures import bmp, gif, isobmff, jpeg, png, tiff
from pictures.colour import upright_srgb
from pictures.errors import Change, InvalidPicture, PictureError, PictureTooLarge, UnsupportedFormat
from pictures.exif import camera_colours, turn
from pictures.formats import decoder, format_of
from pictures.jpeg import Jpeg
from pictures.shape import Fit, reshape, shaped

STORED_PIXELS: Final = 40_000_000
LARGEST_PIXELS: Final = 256_000_000  # of a sequential JPEG, which is scaled while it is decoded
_DECODED_PIXELS: Final = 100_000_000  # of all that is decoded whole: up to 400 MB
SMALLEST_SIDE: Final = 16
_UNKNOWN_KIND: Final = re.compile(r"unknown pixel mode|Unsupported BMP|unknown data organization")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An upright RGB image in sRGB without metadata, and what was done to it."""

    image: Image.Image
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class _Opened:
    image: ImageFile.ImageFile
    exif: bytes | None = None
    animated: bool = False
    first: Jpeg | None = None


def read(data: bytes, *, fit: Fit | None = None, pixels: int = STORED_PIXELS, over: str = "white") -> Picture:
    """Decode a PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or HEIC file.

    What is transparent or padded has the colour `over`.

    Of several pictures the first counts. One of more than `pixels` is scaled down, a JPEG as far as possible
    while it is decoded. Metadata is dropped and cannot make a file invalid.

    Raises PictureError: UnsupportedFormat, PictureTooLarge (before decoding), InvalidPicture.
    """
    name = format_of(data)
    kind = decoder(name)
    try:
        opened = _open(name, kind, data)
        image = opened.image
        size = image.size
        _check_header(size, opened.first is not None and opened.first.sequential)
        wanted = shaped(size, fit)
        _decode(image, pixels)
        if opened.first is not None:
            opened.first.check_whole(image, lambda other: _decode(kind(io.BytesIO(other)), pixels))
        rgb, changes = upright_srgb(turn(_as_meant(image), opened.exif), over=over)
    except PictureError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything inside a codec
        if _UNKNOWN_KIND.search(str(error)):
            raise UnsupportedFormat(
                f"The file is a kind of {name} that cannot be read. Save it with 8 bits a channel or as PNG."
            ) from error
        raise InvalidPicture(f"The {name} image cannot be decoded: it is damaged or cut off.") from error
    rgb = reshape(rgb, fit, pixels, over)
    if prod(wanted) > prod(rgb.size):
        changes += (_scaled_down(size, rgb.size, pixels),)
    if opened.animated:
        changes += (
            Change(code="first_frame", message=f"The {name} has several frames; the first one counts."),
        )
    return Picture(image=rgb, changes=changes)


def _open(name: str, kind: type[ImageFile.ImageFile], data: bytes) -> _Opened:
    if name == "PNG":
        stripped = png.strip(data)
        image = kind(io.BytesIO(stripped.data))
        image.info.update(stripped.colours)
        return _Opened(image=image, exif=stripped.exif, animated=stripped.animated)
    if name == "JPEG":
        first = jpeg.strip(data)
        image = kind(io.BytesIO(first.data))
        image.info.update(camera_colours(first.exif))
        return _Opened(image=image, exif=first.exif, first=first)
    image = kind(io.BytesIO(data))
    if isinstance(image, TiffImageFile):
        tiff.prepare(image, data)
        # Pillow turns it; its further pages are previews, mostly, and take long to count.
        return _Opened(image=image)
    if name == "BMP" and (profile := bmp.profile(data)):
        image.info["icc_profile"] = profile
    if name == "AVIF" and "icc_profile" not in image.info and (codes := isobmff.code_points(data)):
        image.info["cicp"] = codes
    image.info.pop("xmp", None)  # in which Pillow would look for an orientation, in some formats
    animated = bool(getattr(image, "is_animated", False))
    return _Opened(image=image, exif=image.info.pop("exif", None), animated=animated)


def _check_header(size: tuple[int, int], scalable: bool) -> None:
    width, height = size
    limit = LARGEST_PIXELS if scalable else _DECODED_PIXELS
    if width * height > limit:
        raise PictureTooLarge(
            f"The image has too many pixels: {width}x{height}; at most {limit} are decoded. Scale it down."
        )
    if min(width, height) < SMALLEST_SIDE:
        raise InvalidPicture(f"The image is {width}x{height}; each side needs {SMALLEST_SIDE} pixels.")


def _decode(image: ImageFile.ImageFile, pixels: int) -> ImageFile.ImageFile:
    if image.format == "JPEG" and image.width * image.height > pixels:
        factor = sqrt(pixels / (image.width * image.height))
        image.draft(None, (int(image.width * factor), int(image.height * factor)))
    image.load()
    return image


def _as_meant(image: ImageFile.ImageFile) -> Image.Image:
    if isinstance(image, TiffImageFile):
        return tiff.sixteen_bits(image)
    return gif.uncovered(image) if isinstance(image, GifImageFile) else image


def _scaled_down(was: tuple[int, int], now: tuple[int, int], pixels: int) -> Change:
    return Change(
        code="scaled_down",
        message=f"The picture has {was[0]}x{was[1]} pixels and was scaled to {now[0]}x{now[1]}: at most "
        f"{pixels} pixels are kept.",
    )
