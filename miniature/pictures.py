"""How far apart two pictures are."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]


def rgb(image: Image.Image) -> NDArray[np.float64]:
    """RGB values in 0..255, (height, width, 3)."""
    return np.asarray(image.convert("RGB"), dtype=np.float64)


def psnr(a: Image.Image, b: Image.Image, where: Mask | None = None) -> float:
    """10 log10(255^2 / MSE) in dB, at most 100, over RGB and a mask (height, width) of at least one pixel."""
    squared = (rgb(a) - rgb(b)) ** 2
    error = float((squared if where is None else squared[where]).mean())
    return min(100.0, float(10 * np.log10(255**2 / max(error, 1e-12))))
