"""Pictures on their way to the service and back."""

import io
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from pictures import upright_srgb

Picture = str | Path | bytes | Image.Image | BinaryIO


def encode(picture: Picture) -> bytes:
    """The bytes to send: of a path or an open file as they are, of an image in memory as PNG in sRGB.

    Raises OSError if the file cannot be read, pictures.InvalidPicture if the image has no pixels or is of a
    mode that does not say how bright white is.
    """
    if isinstance(picture, Image.Image):
        buffer = io.BytesIO()
        upright_srgb(picture)[0].save(buffer, "PNG")
        return buffer.getvalue()
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | Path):
        return Path(picture).read_bytes()
    return picture.read()


def encode_mask(mask: Picture) -> bytes:
    """The bytes to send of a mask: as `encode`, but what is transparent in an image in memory is black.

    Raises what `encode` raises.
    """
    if isinstance(mask, Image.Image):
        return encode(upright_srgb(mask, over="black")[0].convert("L"))
    return encode(mask)


def decode(data: bytes) -> Image.Image:
    """The picture in these bytes, as far from the file as from the network."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def save(data: bytes, path: Path) -> None:
    """Write a picture as it was served, or encoded anew if the path's suffix names another format.

    Raises ValueError if the suffix names none, OSError if the file cannot be written.
    """
    picture = decode(data)
    if Image.registered_extensions().get(path.suffix.lower()) == picture.format:
        path.write_bytes(data)
    else:
        picture.save(path)
