"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`step` of `total` is done in `phase`: encode, invert, optimize, edit, reconstruct or decode.

    Of `optimize` the total is the most there can be; it may end sooner.
    """

    phase: str
    step: int
    total: int


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""
