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
    """

    phase: str
    step: int
    total: int
    latent: Tensor | None = field(default=None, compare=False, repr=False)


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""
