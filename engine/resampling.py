"""Working-size maps at the pixels of a larger picture, tile by tile, and the Gaussian blur of maps."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import torch
import torch.nn.functional as F
from torch import Tensor

_CUBIC = -0.5


@dataclass(frozen=True, kw_only=True)
class Span:
    """The positions of `count` working pixels along a side of `whole` pixels: from `first` to `last`.

    `first` and `last` are in the picture's pixels, need not be whole numbers and may lie beyond its ends.
    """

    first: float
    last: float
    count: int
    whole: int

    def reached(self, working: range) -> range:
        """The picture's pixels in the span that interpolation makes of these working pixels, among others."""
        if not working:
            return range(0)
        size = (self.last - self.first) / self.count
        reach = 2 * max(size, 1.0)
        low = max(self.first, self.first + working.start * size - reach)
        high = min(self.last, self.first + working.stop * size + reach)
        return range(max(0, ceil(low - 0.5)), min(self.whole, ceil(high - 0.5)))

    def places(self, pixels: range) -> Tensor:
        """The centres of pixels, counted in working pixels from the span's start."""
        centres = torch.arange(pixels.start, pixels.stop, dtype=torch.float64) + 0.5
        return (centres - self.first) * (self.count / (self.last - self.first))

    def fade(self, pixels: range, width: float) -> Tensor:
        """0 to 1 over `width` working pixels from every end of the span that lies within the picture."""
        places = self.places(pixels)
        ends = [(self.first > 0.5, places), (self.last < self.whole - 0.5, self.count - places)]
        inside = [distance for ends_within, distance in ends if ends_within]
        return torch.stack([torch.full_like(places, width), *inside]).amin(0).div(width).clamp(0, 1).float()

    def taps(self, pixels: range) -> tuple[slice, Tensor]:
        """Cubic interpolation (Keys 1981): which working pixels it reads, and their weights (pixels, read).

        Where the picture is the smaller one, the kernel is as much wider, so that nothing aliases.
        """
        places = self.places(pixels).clamp(0, self.count)
        widening = max(1.0, self.count / (self.last - self.first))
        reach = 2 * widening
        low = max(0, floor(float(places[0]) - reach))
        high = min(self.count, ceil(float(places[-1]) + reach))
        x = (torch.arange(low, high, dtype=torch.float64)[None] + 0.5 - places[:, None]).abs() / widening
        near = (_CUBIC + 2) * x**3 - (_CUBIC + 3) * x**2 + 1
        far = _CUBIC * (x**3 - 5 * x**2 + 8 * x - 4)
        weights = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
        return slice(low, high), (weights / weights.sum(1, keepdim=True)).float()


def enlarge(maps: Tensor, down: Span, rows: range, across: Span, columns: range) -> Tensor:
    """Maps (C, h, w) at a tile's pixels, (C, rows, columns); tiles fit together without a seam."""
    (high, by_row), (wide, by_column) = down.taps(rows), across.taps(columns)
    return by_row @ (maps[:, high, wide] @ by_column.T)


def gaussian(maps: Tensor, sigma: float) -> Tensor:
    """Maps (C, h, w) blurred, their edges repeated outwards."""
    reach = ceil(3 * sigma)
    x = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = F.pad(maps[:, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
