"""Pictures on their way to the service and back."""

import io
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from PIL import Image

from pentimento.served import Served
from pictures import InvalidPicture, upright_srgb


class Array(Protocol):
    """A NumPy array, or what gives itself out for one: rows, columns, and three or four channels or none."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Shape, type and place of the values, as NumPy has it."""
        ...


Picture = str | Path | bytes | Image.Image | BinaryIO | Array


def encode(picture: Picture) -> bytes:
    """The bytes to send: of a path or an open file as they are, of an image in memory as PNG in sRGB.

    Raises OSError if the file cannot be read, TypeError if it is nothing of these, pictures.InvalidPicture
    if the image has no pixels or its values do not say how bright white is.
    """
    if isinstance(picture, Image.Image):
        buffer = io.BytesIO()
        upright_srgb(picture)[0].save(buffer, "PNG")
        return buffer.getvalue()
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if isinstance(picture, str | Path):
        return Path(picture).read_bytes()
    if hasattr(picture, "__array_interface__"):
        return encode(_from_array(picture))
    if hasattr(picture, "read"):
        data = picture.read()
        if not isinstance(data, bytes):
            raise TypeError("the file was opened as text; open it with mode 'rb'")
        return data
    raise TypeError(
        "a picture is a path, an open file, its bytes, a PIL image or a NumPy array, "
        f"not of type {type(picture).__name__}"
    )


def _from_array(array: Array) -> Image.Image:
    """Pillow's image of an array; raises InvalidPicture for values of which no range is known."""
    shape, kind = array.__array_interface__["shape"], array.__array_interface__["typestr"][1:]
    grey, coloured = len(shape) == 2, len(shape) == 3 and shape[2] in (3, 4)
    if not ((grey and kind in ("u1", "u2")) or (coloured and kind == "u1")):
        raise InvalidPicture(
            f"An array of shape {tuple(shape)} and type {kind} is no picture: give uint8 of (rows, columns), "
            "(rows, columns, 3) or (rows, columns, 4), or uint16 of (rows, columns). Floats from 0 to 1 "
            "become that by (255 * array).round().astype('uint8')."
        )
    return Image.fromarray(array)


def encode_mask(mask: Picture) -> bytes:
    """The bytes to send of a mask: as `encode`, but what is transparent in an image in memory is black.

    Raises what `encode` raises.
    """
    if isinstance(mask, Image.Image):
        return encode(upright_srgb(mask, over="black")[0].convert("L"))
    return encode(mask)


def decode(data: bytes) -> Image.Image:
    """The picture in these bytes, as far from the file as from the network."""
    return Served.of(data)


def save(data: bytes, path: Path) -> None:
    """Write a picture as it was served, or encoded anew if the path's suffix names another format.

    Raises ValueError if the suffix names none, OSError if the file cannot be written.
    """
    decode(data).save(path)
