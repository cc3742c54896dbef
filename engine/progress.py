"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Progress:
    """`step` of `total` is done in `phase`: encode, invert, optimize, edit, reconstruct or decode.

    Of `optimize` the total is the most there can be; it may end sooner. `latent` (n, C, h, w) is what the
    pictures would be if all that the denoiser takes for noise were gone; None where there is nothing new.
    `ahead` is what the rest of the phase costs, in rows that pass the denoiser, a pass there and back being
    three; None where all its steps cost alike.
    """

    phase: str
    step: int
    total: int
    latent: Tensor | None = field(default=None, compare=False, repr=False)
    ahead: int | None = field(default=None, compare=False)


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""
