"""A part of a large picture that an edit works on, at the model's full size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.fullres import Box, cropped

Region = tuple[int, int, int, int]

_ROOM = 1.6
_NEARLY_ALL = 0.8
_REACH, _SURE = 0.4, 0.8


def part(picture: Image.Image, region: Region | None) -> Image.Image:
    """The region (x, y, width, height) of a picture; the picture itself for None."""
    if region is None:
        return picture
    x, y, width, height = region
    return picture.crop((x, y, x + width, y + height))


def shown_of(size: tuple[int, int], region: Region | None, working: tuple[int, int], *, short: int) -> Box:
    """The part of an original of `size` that the working picture of a region shows, as `fullres.cropped`."""
    if region is None:
        return cropped(size, working, short=short)
    x, y, width, height = region
    left, top, right, bottom = cropped((width, height), working, short=short)
    return left + x, top + y, right + x, bottom + y


def around(places: Tensor, *, size: tuple[int, int], shown: Box, smallest: int) -> Region | None:
    """The square around all places (h, w) that are true, with room on every side.

    They lie evenly in `shown`, a box in the pixels of the original of `size`. The side is 1.6 times theirs,
    and at least `smallest`, the model's size: what is smaller is only enlarged. None where that is nearly the
    whole picture, or no place is true.
    """
    if not places.any():
        return None
    extents = []
    for axis, line in enumerate((places.any(0), places.any(1))):
        at = line.nonzero().flatten()
        step = (shown[axis + 2] - shown[axis]) / len(line)
        extents.append((shown[axis] + int(at[0]) * step, shown[axis] + (int(at[-1]) + 1) * step))
    side = max(round(_ROOM * max(high - low for low, high in extents)), smallest)
    if side > _NEARLY_ALL * min(size):
        return None
    x, y = (
        min(max(round((low + high - side) / 2), 0), whole - side)
        for (low, high), whole in zip(extents, size, strict=True)
    )
    return x, y, side, side


def peaks(attention: Tensor) -> Tensor:
    """The peaks of a map (h, w): connected places above 0.4 that reach 0.8 somewhere.

    1 is its maximum and 0 its median, since a word also looks a little at all that it is not about.
    """
    floor = attention.median()
    high = (attention - floor) / (attention.max() - floor).clamp(min=1e-12)
    field, found = high > _REACH, high >= _SURE
    while True:
        grown = F.max_pool2d(found[None].float(), 3, stride=1, padding=1)[0].bool() & field
        if torch.equal(grown, found):
            return found
        found = grown
