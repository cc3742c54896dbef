"""One edit against its truth."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from torch import nn

import engine
from benchmarks.pictures import ssim
from benchmarks.quality.cases import Case
from engine import codec
from miniature.pictures import psnr
from miniature.recipe.judge import judge


@dataclass(frozen=True, kw_only=True)
class Measures:
    """PSNR in dB, SSIM up to 1; None where nothing lies outside what had to change.

    `reconstruction`: the source's own row of the edit against the source. `outside_psnr`, `outside_ssim`:
    the edit against the source, where nothing had to change. `truth`: the edit against the true edit.
    `recognised`: the judge sees in the edit what the target scene has anew.
    """

    reconstruction: float
    outside_psnr: float | None
    outside_ssim: float | None
    truth: float
    recognised: bool


def measure(critic: nn.Module, case: Case, source: Image.Image, edited: Image.Image) -> Measures:
    """Hold the source's row and the edit against what the scenes say."""
    pair, outside = case.pair, ~case.pair.mask
    (verdict,) = judge(critic, [edited])
    return Measures(
        reconstruction=psnr(source, pair.image),
        outside_psnr=psnr(edited, pair.image, outside) if outside.any() else None,
        outside_ssim=ssim(edited, pair.image, outside) if outside.any() else None,
        truth=psnr(edited, pair.truth),
        recognised=verdict.shows(pair.target)[case.kind],
    )


def ceiling(models: engine.Backbone, critic: nn.Module, case: Case) -> Measures:
    """The same of a perfect edit that went through the autoencoder: no latent edit can do better."""
    pictures = case.pair.image, case.pair.truth
    source, truth = (codec.decode(models, codec.encode(models, picture))[0] for picture in pictures)
    return measure(critic, case, source, truth)
