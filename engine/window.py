"""Fractions of a run during which something happens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import InvalidParameter, is_number

_ROUNDING = 1e-9
_EXPECTED = "a fraction from 0 to 1, or [start, stop] with 0 <= start <= stop <= 1"


class Position(Protocol):
    """Where a run stands: step `index`, counted from 0, of `total`."""

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
    def parse(cls, value: object, name: str) -> Window:
        """Read `stop` or `[start, stop]` as users write a window.

        Raises:
            InvalidParameter: it leaves [0, 1] or runs backwards; `name` is the parameter it was given as.
        """
        bounds = [0.0, value] if is_number(value) else value
        if not isinstance(bounds, Sequence) or isinstance(bounds, str) or len(bounds) != 2:
            raise InvalidParameter(name, value, _EXPECTED)
        start, stop = bounds
        if not (is_number(start) and is_number(stop) and 0 <= start <= stop <= 1):
            raise InvalidParameter(name, value, _EXPECTED)
        return cls(float(start), float(stop))


def _floor(steps: float) -> int:
    return math.floor(steps + _ROUNDING)
