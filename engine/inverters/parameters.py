"""What parameters of inverters can be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.errors import InvalidParameter, is_number
from engine.models import Models


@dataclass(frozen=True, kw_only=True)
class Guided:
    """An inverter that learns at one guidance scale; None stands for the model's."""

    guidance_scale: float | None = None

    def __post_init__(self) -> None:
        check_scale("guidance_scale", self.guidance_scale)

    def scale(self, models: Models) -> float:
        """The scale in full, and as one type, so that equal requests are equal."""
        return float(models.spec.guidance_scale if self.guidance_scale is None else self.guidance_scale)


def check_scale(name: str, value: object) -> None:
    """Refuse what is no guidance scale; None stands for the model's."""
    if value is not None and not (is_number(value) and math.isfinite(value)):
        raise InvalidParameter(name, value, "a finite number, or None for the model's")


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise InvalidParameter(name, value, "true or false")


def check_positive(name: str, value: object) -> None:
    """Refuse what is no number above 0."""
    if not (is_number(value) and 0 < value < math.inf):
        raise InvalidParameter(name, value, "a number above 0")


def check_whole(name: str, value: object, *, most: int) -> None:
    """Refuse what is no whole number from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidParameter(name, value, f"a whole number from 1 to {most}")
