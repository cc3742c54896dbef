"""Transfer curves: from a value of a file, 0 to 1, to light."""

from collections.abc import Callable
from math import exp
from typing import Final

Curve = Callable[[float], float]

WHITE: Final = 203.0  # cd/m2 of white paper in high dynamic range (ITU-R BT.2408, 2.2)


def srgb(value: float) -> float:
    """IEC 61966-2-1, 0 to 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def srgb_value(light: float) -> float:
    """The inverse of `srgb`."""
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def power(exponent: float) -> Curve:
    """A pure power law, 0 to 1."""
    return lambda value: value**exponent


def pq(value: float) -> float:
    """SMPTE ST 2084, in units of the white of paper: 0 to 49."""
    root = value ** (1 / 78.84375)
    linear = max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return float(10_000 / WHITE * linear ** (1 / 0.1593017578125))


def hlg(value: float) -> float:
    """The scene's light of ARIB STD-B67, 0 to 1 (ITU-R BT.2100-2, table 5)."""
    return value * value / 3 if value <= 0.5 else (exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12


def narrow(curve: Curve) -> Curve:
    """The same for values of which 16 of 255 is black and 235 white."""
    return lambda value: curve(min(1.0, max(0.0, (255 * value - 16) / 219)))
