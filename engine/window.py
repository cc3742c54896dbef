"""Fractions of a run during which something happens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_ROUNDING = 1e-9


class Position(Protocol):
    """A step of a run: `index`, counted from 0, of `total`."""

    @property
    def index(self) -> int: ...
    @property
    def total(self) -> int: ...


@dataclass(frozen=True)
class Window:
    """The half-open fraction [start, stop) of a run.

    Step i of N is in it if int(N start) <= i < int(N stop).
    """

    start: float
    stop: float

    def __contains__(self, step: Position) -> bool:
        return step.index in self.steps(step.total)

    def steps(self, total: int) -> range:
        """The steps of a run of `total` that are in it."""
        return range(_floor(total * self.start), _floor(total * self.stop))

    @classmethod
    def of(cls, bounds: float | Sequence[float]) -> Window:
        """The window of a parameter: up to `stop`, or [start, stop]."""
        start, stop = (0.0, bounds) if isinstance(bounds, int | float) else bounds
        return cls(float(start), float(stop))


def _floor(steps: float) -> int:
    return math.floor(steps + _ROUNDING)
