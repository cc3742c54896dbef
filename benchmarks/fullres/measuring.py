"""One edit at full size against its truth, and means with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import numpy as np
from PIL import Image

import engine
from benchmarks.fullres.edits import Large, Working, chosen
from benchmarks.pictures import ssim
from engine import codec
from engine.fullres import FullEdit, apply_edit
from miniature.intervals import Interval, bootstrapped
from miniature.pictures import Mask, psnr

_RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """PSNR in dB and SSIM to the true edit; None where nothing lies outside what had to change."""

    whole: float
    inside: float
    outside: float | None
    ssim: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One edit: enlarged, and applied to the original; `leaked` values differ outside the returned mask.

    `at_models_size` is the PSNR of the edit to the true edit brought to the model's size, inside what had to
    change: what stays however well the edit is enlarged.
    """

    large: Large
    enlarged: Closeness
    applied: Closeness
    leaked: int | None
    at_models_size: float

    @property
    def most(self) -> float:
        """The gain over the whole picture, in dB, if all outside were right and inside as it is."""
        part = float(self.large.changed.mean())
        return self.applied.inside - 10 * log10(part) - self.enlarged.whole


def enlarged(working: Working, size: tuple[int, int]) -> Image.Image:
    """What a user gets who enlarges the edit."""
    return working.edit.resize(size, Image.Resampling.BICUBIC)


def applied(large: Large, working: Working) -> FullEdit:
    """The edit at the original's size."""
    return apply_edit(large.original, edit=working.edit, source=working.source, mask=working.mask)


def measure(large: Large, working: Working) -> Row:
    """Both ways against the truth."""
    full, leaked = applied(large, working), None
    if full.mask is not None:
        closed = np.asarray(full.mask) == 0
        leaked = int((np.asarray(full.image) != np.asarray(large.original))[closed].sum())
    size = large.original.size
    reduced = large.truth.resize(working.edit.size, Image.Resampling.BICUBIC)
    return Row(
        large=large,
        at_models_size=psnr(
            enlarged(working, size), reduced.resize(size, Image.Resampling.BICUBIC), large.changed
        ),
        enlarged=closeness(enlarged(working, size), large.truth, large.changed),
        applied=closeness(full.image, large.truth, large.changed),
        leaked=leaked,
    )


def perfect(models: engine.Backbone, large: Large) -> Working:
    """The true edit at the model's size, through the autoencoder, with the exact mask where one is used."""
    pictures = (codec.fit(models, picture) for picture in (large.truth, large.original))
    edit, source = (codec.decode(models, codec.encode(models, picture))[0] for picture in pictures)
    asked = chosen(large.case.pair).params
    confined = bool(asked.blend_words or asked.subtract_words)
    masked = Image.fromarray(large.case.pair.mask).convert("L") if confined else None
    return Working(edit=edit, source=source, mask=masked)


def interval(values: Sequence[float]) -> Interval:
    """The mean over the cases and its 95 % interval."""
    return bootstrapped(values, _RESAMPLES)


def closeness(picture: Image.Image, truth: Image.Image, changed: Mask) -> Closeness:
    """How close a picture is to its truth, where `changed` and where not."""
    return Closeness(
        whole=psnr(picture, truth),
        inside=psnr(picture, truth, changed),
        outside=psnr(picture, truth, ~changed) if (~changed).any() else None,
        ssim=ssim(picture, truth),
    )
