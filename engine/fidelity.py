"""How well an autoencoder represents a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

_MOST_DB = 100.0


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """The quality of an autoencoder's reconstruction of a picture.

    `psnr` is the error against white, `snr` against the deviation of the picture's own values, both in dB and
    at most 100: a flat picture has a good PSNR whatever becomes of it. `detail` is the part of the absolute
    differences of neighbours that is there again; texture that is smoothed away lowers it.
    """

    psnr: float
    snr: float
    detail: float


def fidelity(picture: Image.Image, given_back: Image.Image) -> Fidelity:
    """Compare a picture with what the autoencoder makes of it; both are RGB and of one size."""
    before, after = (np.asarray(each.convert("RGB"), dtype=np.float64) for each in (picture, given_back))
    error = max(float(((before - after) ** 2).mean()), 1e-12)
    variance = float(before.var(axis=(0, 1)).mean())
    edges = _edges(before)
    return Fidelity(
        psnr=_decibels(255**2 / error),
        snr=_decibels(variance / error) if variance else _MOST_DB,
        detail=_edges(after) / edges if edges else 1.0,
    )


def _decibels(ratio: float) -> float:
    return min(_MOST_DB, 10 * float(np.log10(ratio)))


def _edges(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())
