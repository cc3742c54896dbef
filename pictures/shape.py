"""Proportions: pictures that are longer and thinner than models take."""

from collections.abc import Iterator
from enum import StrEnum
from math import ceil, prod, sqrt
from typing import Final

from PIL import Image

from pictures.errors import InvalidPicture

WIDEST: Final = 2
_BAND: Final = 64


class Fit(StrEnum):
    """What becomes of a picture of which one side is more than twice the other."""

    CROP = "crop"
    PAD = "pad"
    STRETCH = "stretch"


def shaped(size: tuple[int, int], fit: Fit | None) -> tuple[int, int]:
    """The size that `fit` gives a picture of this size.

    Raises InvalidPicture if it is more than 2:1 and there is no `fit`.
    """
    if max(size) <= WIDEST * min(size):
        return size
    match fit:
        case Fit.CROP | Fit.STRETCH:
            longest = WIDEST * min(size)
            return min(size[0], longest), min(size[1], longest)
        case Fit.PAD:
            shortest = ceil(max(size) / WIDEST)
            return max(size[0], shortest), max(size[1], shortest)
        case _:
            raise _too_long(size)


def reshape(image: Image.Image, fit: Fit | None, pixels: int, over: str = "white") -> Image.Image:
    """The picture with at most 2:1 and at most so many `pixels`; itself if it has both already.

    What is padded has the colour `over`.

    Raises InvalidPicture if it is longer and there is no `fit`.
    """
    size = shaped(image.size, fit)
    image = _shrink(image, sqrt(min(1, pixels / prod(size))))  # at first: padding can make it much larger
    size = shaped(image.size, fit)
    if size == image.size:
        return image
    if fit is Fit.STRETCH:
        return image.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", size, over)
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas


def cropped(image: Image.Image, *, short: int, stride: int, how: Image.Resampling) -> Image.Image:
    """The picture as a model sees it: its shorter side scaled to `short` pixels by the filter `how`, then
    cropped at the centre to sides that are multiples of `stride`.
    """
    scale = short / min(image.size)
    size = round(image.width * scale), round(image.height * scale)
    if image.size != size:
        image = image.resize(size, how)
    crop = [max(side - side % stride, stride) for side in size]
    left, top = ((side - kept) // 2 for side, kept in zip(size, crop, strict=True))
    return image.crop((left, top, left + crop[0], top + crop[1]))


def _shrink(image: Image.Image, factor: float) -> Image.Image:
    if factor >= 1:
        return image
    size = max(1, int(image.width * factor)), max(1, int(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _too_long(size: tuple[int, int]) -> InvalidPicture:
    return InvalidPicture(
        f"The image is {size[0]}x{size[1]}, and one side may be at most {WIDEST} times the other. Crop "
        "it, or say what to do with it: fit 'crop' keeps the middle, 'pad' adds white, 'stretch' squeezes it."
    )


def bands(image: Image.Image) -> Iterator[bytes]:
    """The bytes of a picture's pixels, some rows at a time: all at once they take as much memory again."""
    for top in range(0, image.height, _BAND):
        yield image.crop((0, top, image.width, min(top + _BAND, image.height))).tobytes()
