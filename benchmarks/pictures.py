"""How far apart two pictures are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

Mask = NDArray[np.bool_]


def psnr(a: Image.Image, b: Image.Image, where: Mask | None = None) -> float | None:
    """10 log10(255^2 / MSE) in dB, at most 100, over RGB and a mask (height, width); None over no pixels."""
    squared = (_rgb(a) - _rgb(b)) ** 2
    chosen = squared if where is None else squared[where]
    if not chosen.size:
        return None
    return min(100.0, float(10 * np.log10(255**2 / max(float(chosen.mean()), 1e-12))))


def ssim(a: Image.Image, b: Image.Image, where: Mask | None = None) -> float | None:
    """Structural similarity as published (Wang et al. 2004, a Gaussian of sigma 1.5), over RGB and a mask."""
    _, full = structural_similarity(
        _rgb(a),
        _rgb(b),
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    chosen = full if where is None else full[where]
    return float(chosen.mean()) if chosen.size else None


def most_apart(a: Image.Image, b: Image.Image) -> int:
    """The largest difference of any value, in 0..255."""
    return int(np.abs(_rgb(a) - _rgb(b)).max())


def _rgb(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("RGB"), dtype=np.float64)
