"""Uploaded images: what is accepted, what is converted, and what is refused before it costs anything.

Accepted: PNG, JPEG and WebP, told by their first bytes. Conversions: the EXIF orientation is applied once;
transparency is laid over white; palette, grey, 16-bit and CMYK images become 8-bit RGB; of a multi-picture
JPEG the first picture counts; metadata and colour profiles are dropped. What is kept is always re-encoded,
so no byte of the upload is ever served.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from api_schemas import ErrorCode
from service.errors import ServiceError

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 16
MAX_RATIO = 2.0

_MAGIC = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff"}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A decoded upload: an RGB image without metadata, and the same pixels as PNG."""

    image: Image.Image
    png: bytes


def read(data: bytes) -> Upload:
    """Decode and normalise an uploaded image.

    Raises ServiceError: unsupported_media_type (another format), payload_too_large (bytes or pixels),
    invalid_image (empty, damaged, animated, too small, too long and thin).
    """
    if len(data) > MAX_BYTES:
        raise ServiceError(
            ErrorCode.PAYLOAD_TOO_LARGE, f"The image has {len(data)} bytes; at most {MAX_BYTES} are accepted."
        )
    if not data:
        raise ServiceError(ErrorCode.INVALID_IMAGE, "The image is empty.")
    name = _format(data)
    try:
        image = Image.open(io.BytesIO(data), formats=(name,))
        _check_header(image, name)
        image.load()
        rgb = _to_rgb(_upright(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except ServiceError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything inside a codec
        raise ServiceError(
            ErrorCode.INVALID_IMAGE, f"The {name} image cannot be decoded: it is damaged or cut off."
        ) from error
    return Upload(image=rgb, png=_encode(rgb))


def _format(data: bytes) -> str:
    for name, magic in _MAGIC.items():
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The image is not a PNG, JPEG or WebP file.")


def _check_header(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if name != "JPEG" and getattr(image, "is_animated", False):
        raise ServiceError(ErrorCode.INVALID_IMAGE, "The image is animated; send a single picture.")
    if min(width, height) < MIN_SIDE:
        raise ServiceError(
            ErrorCode.INVALID_IMAGE, f"The image is {width}x{height}; each side needs {MIN_SIDE} pixels."
        )
    if max(width, height) > MAX_RATIO * min(width, height):
        raise ServiceError(
            ErrorCode.INVALID_IMAGE, f"The image is {width}x{height}; at most 2:1 is accepted. Crop it."
        )


def _too_many_pixels() -> ServiceError:
    return ServiceError(
        ErrorCode.PAYLOAD_TOO_LARGE, f"The image has too many pixels; at most {MAX_PIXELS} are accepted."
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF says nothing about the orientation; the picture itself is fine
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        rgb = Image.alpha_composite(white, rgba).convert("RGB")
    else:
        rgb = image.convert("RGB")
    rgb.info.clear()
    return rgb


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
