"""How far apart two pictures are."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from miniature.pictures import Mask, rgb


def ssim(a: Image.Image, b: Image.Image, where: Mask | None = None) -> float:
    """Structural similarity as published (Wang et al. 2004, a Gaussian of sigma 1.5), over RGB and a mask."""
    _, full = structural_similarity(
        rgb(a),
        rgb(b),
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float((full if where is None else full[where]).mean())


def most_apart(a: Image.Image, b: Image.Image) -> int:
    """The largest difference of any value, in 0..255."""
    return int(np.abs(rgb(a) - rgb(b)).max())
