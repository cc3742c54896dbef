"""How two pictures differ."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from api_schemas import Metrics

Array = NDArray[np.float64]

MOST_DB: Final = 100.0
_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_BELL = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1) ** 2) / (2 * _SIGMA**2))
_GAUSSIAN: Final = _BELL / _BELL.sum()
_EVEN: Final = np.full(3, 1 / 3)
_LUMA: Final = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Per pixel: the squared error, mean over channels, and the structural similarity of the luma."""

    squared: Array
    similarity: Array

    def psnr(self, where: NDArray[np.bool_] | None = None) -> float | None:
        """PSNR = 10 log10(255^2 / MSE) in dB, at most 100; None over no pixels."""
        chosen = self.squared if where is None else self.squared[where]
        if not chosen.size:
            return None
        error = max(float(chosen.mean()), 1e-12)
        return round(min(MOST_DB, 10 * float(np.log10(255**2 / error))), 4)

    def ssim(self, where: NDArray[np.bool_] | None = None) -> float | None:
        """Mean structural similarity, at most 1; None over no pixels."""
        chosen = self.similarity if where is None else self.similarity[where]
        return round(float(chosen.mean()), 6) if chosen.size else None


def difference(first: Image.Image, second: Image.Image) -> Difference:
    """Compare two pictures of one size.

    SSIM = (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)) under a Gaussian of
    11 pixels and sigma 1.5 (Wang et al., 2004).
    """
    a, b = (np.asarray(image.convert("RGB"), dtype=np.float64) for image in (first, second))
    x, y = a @ _LUMA, b @ _LUMA
    mx, my, xx, yy, xy = _blurred(np.stack([x, y, x * x, y * y, x * y]))
    means, product = mx * mx + my * my, mx * my
    similarity = (2 * product + _C1) * (2 * (xy - product) + _C2)
    similarity /= (means + _C1) * (xx + yy - means + _C2)
    return Difference(squared=((a - b) ** 2) @ _EVEN, similarity=similarity)


def compare(source: Image.Image, edited: Image.Image, mask: Image.Image | None) -> Metrics:
    """An edited picture against its source, and apart where the mask is white and where it is black."""
    found = difference(source, edited)
    inside = None if mask is None else np.asarray(mask.convert("L")) > 127
    return Metrics(
        psnr=found.psnr() or 0.0,
        ssim=found.ssim() or 0.0,
        psnr_inside=None if inside is None else found.psnr(inside),
        ssim_inside=None if inside is None else found.ssim(inside),
        psnr_outside=None if inside is None else found.psnr(~inside),
        ssim_outside=None if inside is None else found.ssim(~inside),
    )


def _blurred(maps: Array) -> Array:
    """The maps, shape (count, height, width), under the Gaussian; their edges are mirrored."""
    for _ in range(2):
        left, right = maps[..., _RADIUS - 1 :: -1], maps[..., : -_RADIUS - 1 : -1]
        padded = np.concatenate([left, maps, right], axis=2)
        rows = np.convolve(padded.ravel(), _GAUSSIAN, mode="same").reshape(padded.shape)
        maps = rows[..., _RADIUS:-_RADIUS].swapaxes(1, 2)
    return maps
