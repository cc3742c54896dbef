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
    the answer against the source, where nothing had to change. `truth`: the answer against the true edit.
    `model_outside`, `model_truth`: the same of the model's own picture, before its change is applied to the
    one that was sent. `recognised`: the judge sees in the answer what the target scene has anew.
    """

    reconstruction: float
    model_outside: float | None
    model_truth: float
    outside_psnr: float | None
    outside_ssim: float | None
    truth: float
    recognised: bool


def measure(
    critic: nn.Module,
    case: Case,
    *,
    source: Image.Image,
    edited: Image.Image,
    answer: Image.Image | None = None,
) -> Measures:
    """Hold the source's row, the model's picture and the answer against what the scenes say.

    Without an `answer` the model's picture is the answer.
    """
    pair, outside = case.pair, ~case.pair.mask
    shown = edited if answer is None else answer
    (verdict,) = judge(critic, [shown])
    return Measures(
        reconstruction=psnr(source, pair.image),
        model_outside=psnr(edited, pair.image, outside) if outside.any() else None,
        model_truth=psnr(edited, pair.truth),
        outside_psnr=psnr(shown, pair.image, outside) if outside.any() else None,
        outside_ssim=ssim(shown, pair.image, outside) if outside.any() else None,
        truth=psnr(shown, pair.truth),
        recognised=verdict.shows(pair.target)[case.kind],
    )


def ceiling(models: engine.Backbone, critic: nn.Module, case: Case) -> Measures:
    """The same of a perfect edit that went through the autoencoder: no latent edit can do better."""
    pictures = case.pair.image, case.pair.truth
    source, truth = (codec.decode(models, codec.encode(models, picture))[0] for picture in pictures)
    return measure(critic, case, source=source, edited=truth)
