"""Uploaded images: read by the rules of `pictures`, bounded in bytes, and kept as a fresh PNG.

What is kept is always re-encoded, so no byte of the upload is ever served.
"""

import io
from dataclasses import dataclass

from PIL import Image

import pictures
from api_schemas import ErrorCode, Notice, Problem
from parameters import EmptyMask
from service.errors import ServiceError

MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A decoded upload: an RGB image without metadata, the same pixels as PNG, and what was done to it."""

    image: Image.Image
    png: bytes
    warnings: list[Notice]


def read(data: bytes, *, fit: str | None = None, pixels: int = pictures.STORED_PIXELS) -> Upload:
    """Decode an uploaded image, made to `fit` if it is longer than 2:1 and scaled to at most `pixels`.

    Raises ServiceError: unsupported_media_type (another format), payload_too_large (bytes or pixels),
    invalid_image (empty, damaged, too small, too long and thin).
    """
    if len(data) > MAX_BYTES:
        raise ServiceError(
            ErrorCode.PAYLOAD_TOO_LARGE, f"The image has {len(data)} bytes; at most {MAX_BYTES} are accepted."
        )
    try:
        picture = pictures.read(data, fit=None if fit is None else pictures.Fit(fit), pixels=pixels)
    except pictures.PictureError as error:
        raise ServiceError(ErrorCode(error.code), str(error)) from error
    warnings = [Notice(code=change.code, message=change.message) for change in picture.changes]
    return Upload(image=picture.image, png=_encode(picture.image), warnings=warnings)


def read_mask(data: bytes, size: tuple[int, int], *, fit: str | None, pixels: int) -> bytes:
    """A mask of an image of `size`, cut and scaled as that was, as PNG: white where that may change.

    Raises ServiceError: what `read` raises, invalid_image also for other proportions, and empty_mask.
    """
    if len(data) > MAX_BYTES:
        raise ServiceError(
            ErrorCode.PAYLOAD_TOO_LARGE, f"The mask has {len(data)} bytes; at most {MAX_BYTES} are accepted."
        )
    try:
        mask = pictures.read_mask(data, size, fit=None if fit is None else pictures.Fit(fit), pixels=pixels)
    except pictures.PictureError as error:
        raise ServiceError(ErrorCode(error.code), f"mask: {error}", parameter="mask") from error
    if mask.getbbox() is None:
        nothing = EmptyMask("nothing is white in the one that was sent; paint white what may change")
        raise ServiceError.of(Problem.of_error(nothing, parameter="mask"))
    return _encode(mask.convert("1"))


def open_where_transparent(data: bytes, pixels: int) -> bytes:
    """A mask in OpenAI's form, transparent where the picture may change, as one that is white there.

    Raises ServiceError: what `read` raises, empty_mask.
    """
    try:
        clear = pictures.transparency(data, pixels=pixels)
    except pictures.PictureError as error:
        raise ServiceError(ErrorCode(error.code), f"mask: {error}", parameter="mask") from error
    if clear.getbbox() is None:
        nothing = EmptyMask("nothing is transparent in the one that was sent; clear what may change")
        raise ServiceError.of(Problem.of_error(nothing, parameter="mask"))
    return _encode(clear)


def kept(png: bytes) -> Upload:
    """A picture that the service made itself, as if it had been sent."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return Upload(image=image.convert("RGB"), png=png, warnings=[])


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
