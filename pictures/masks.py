"""Masks: pictures that say where another picture may change."""

from typing import Final

from PIL import Image, ImageChops

from pictures.errors import InvalidPicture
from pictures.reading import STORED_PIXELS, read
from pictures.shape import Fit, cropped

_OPEN: Final = 128


def read_mask(
    data: bytes, size: tuple[int, int], *, fit: Fit | None = None, pixels: int = STORED_PIXELS
) -> Image.Image:
    """The mask in a file, of the `size` of the picture it belongs to: 255 where that may change, else 0.

    Decoded by the rules of `read`; lighter than mid-grey may change, what is transparent may not. The file
    has the proportions of that picture, or of what that was before it was made to `fit`.

    Raises PictureError: what `read` raises, InvalidPicture if it has other proportions.
    """
    mask = read(data, fit=fit, pixels=pixels, over="black").image
    # Sides that were scaled are off by at most a pixel each.
    apart = abs(mask.width * size[1] - mask.height * size[0])
    if apart > max(sum(mask.size), sum(size)):
        raise InvalidPicture(
            f"The mask is {mask.width}x{mask.height}, the image {size[0]}x{size[1]}: send one in the image's "
            "proportions."
        )
    return opened(opened(mask.convert("L")).resize(size, Image.Resampling.BOX))


def transparency(data: bytes, *, pixels: int = STORED_PIXELS) -> Image.Image:
    """How transparent a picture in a file is, 0 to 255, by the rules of `read`; raises PictureError."""
    white, black = (read(data, pixels=pixels, over=colour).image for colour in ("white", "black"))
    return ImageChops.difference(white, black).convert("L")


def mask_seen(mask: Image.Image, *, short: int, stride: int) -> Image.Image:
    """A mask of a picture, 255 where that may change, as a model of this size sees it: `cropped` as the
    picture is, and open where half a pixel is.
    """
    return opened(cropped(mask, short=short, stride=stride, how=Image.Resampling.BOX))


def opened(mask: Image.Image) -> Image.Image:
    """A grey picture with 255 where it is lighter than mid-grey, and 0 elsewhere."""
    return mask.point(lambda level: 255 * (level >= _OPEN))
