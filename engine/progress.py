"""The progress of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor


class Rows(NamedTuple):
    """Rows that passed the denoiser in a phase, and those that likely will; there and back is three."""

    done: int
    ahead: int


@dataclass(frozen=True)
class Progress:
    """`step` of `total` is done in `phase`: encode, invert, optimize, paint, find, mask, edit, reconstruct or
    decode.

    Of `optimize` the total is the most there can be; it may end sooner. `latent` (n, C, h, w) is what the
    pictures would be if all that the denoiser takes for noise were gone; None where there is nothing new.
    `rows` says what the phase costs where its steps do not cost alike.
    """

    phase: str
    step: int
    total: int
    latent: Tensor | None = field(default=None, compare=False, repr=False)
    rows: Rows | None = field(default=None, compare=False)


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report nothing."""
