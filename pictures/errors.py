"""Why a picture cannot be used, and what was done to one that can."""

from dataclasses import dataclass
from typing import ClassVar


class PictureError(Exception):
    """The picture cannot be used; `code` is stable, the text says what is wrong and what would do."""

    code: ClassVar[str]


class UnsupportedFormat(PictureError):
    """The bytes are of a format that is not decoded here."""

    code = "unsupported_media_type"


class PictureTooLarge(PictureError):
    """More pixels than are decoded."""

    code = "payload_too_large"


class InvalidPicture(PictureError):
    """Empty, damaged, cut off, too small, too long and thin, or without a defined white."""

    code = "invalid_image"


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that was done to a picture and that its sender may want to know."""

    code: str
    message: str
