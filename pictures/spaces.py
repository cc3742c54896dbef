"""Colour spaces that a file describes by numbers instead of a profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pictures.curves import Curve, hlg, narrow, power, pq, srgb
from pictures.matrices import Matrix, Vector, inverse, product, scaled_columns, times, transposed

Point = tuple[float, float]

_D50: Final = (0.9642, 1.0, 0.8249)  # X, Y, Z
_BRADFORD: Final = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_NEAR: Final = 0.004


@dataclass(frozen=True, kw_only=True)
class Primaries:
    """The chromaticities x, y of white, red, green and blue (CIE 1931)."""

    white: Point = (0.3127, 0.329)
    red: Point
    green: Point
    blue: Point

    def near(self, other: "Primaries") -> bool:
        """Whether these are the other ones but for rounding."""
        pairs = zip(self._all(), other._all(), strict=True)
        return all(abs(a - b) < _NEAR for one, two in pairs for a, b in zip(one, two, strict=True))

    def to_xyz(self) -> Matrix:
        """From linear R, G, B to X, Y, Z under D50, adapted by Bradford (ICC.1:2022, annex E).

        Raises ValueError: no light has these.
        """
        white, *lights = (_xyz(point) for point in self._all())
        columns = transposed(tuple(lights))
        cones = product(_BRADFORD, scaled_columns(columns, times(inverse(columns), white)))
        gains = (to / at for to, at in zip(times(_BRADFORD, _D50), times(_BRADFORD, white), strict=True))
        return product(
            inverse(_BRADFORD), tuple(tuple(g * v for v in row) for g, row in zip(gains, cones, strict=True))
        )

    def _all(self) -> tuple[Point, ...]:
        return self.white, self.red, self.green, self.blue


@dataclass(frozen=True, kw_only=True)
class Space:
    """What the values of a picture mean: light of three primaries along a curve.

    `hdr` says that its white is far above that of paper. The light is then the scene's if `system` is not 1:
    the exponent by which a display brightens it (ITU-R BT.2100-2, table 5).
    """

    primaries: Primaries
    curve: Curve
    hdr: bool = False
    system: float = 1


def primaries_of(points: Sequence[float]) -> Primaries:
    """The chromaticities in the order of PNG's cHRM; raises ValueError if they are not eight numbers."""
    wx, wy, rx, ry, gx, gy, bx, by = points
    return Primaries(white=(wx, wy), red=(rx, ry), green=(gx, gy), blue=(bx, by))


SRGB: Final = Primaries(red=(0.64, 0.33), green=(0.3, 0.6), blue=(0.15, 0.06))


def measured(gamma: float | None, primaries: Primaries | None) -> Space | None:
    """The space of PNG's gAMA, as a fraction of 1, and cHRM; None if it is sRGB.

    Beside the primaries of sRGB, or none, 1/2.2 is its curve, which gAMA cannot say better.
    Raises ValueError: there is no such space.
    """
    if gamma is not None and not 0.01 <= gamma <= 100:
        raise ValueError(f"no curve has the gamma {gamma}")
    found = SRGB if primaries is None or primaries.near(SRGB) else primaries
    if found == SRGB and (gamma is None or abs(gamma - 1 / 2.2) < _NEAR):
        return None
    found.to_xyz()
    return Space(primaries=found, curve=srgb if gamma is None else power(1 / gamma))


def coded(primaries: int, transfer: int, full_range: bool = True) -> Space | None:
    """The space of two code points of ITU-T H.273; None if it is sRGB, or unspecified.

    The curves of cameras (BT.709 and its like) count as that of sRGB, as browsers have it.
    Raises ValueError: nothing here shows it.
    """
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise ValueError(f"the colours {primaries}, {transfer} of H.273 are unknown")
    found, curve = _PRIMARIES[primaries], _CURVES[transfer]
    if found == SRGB and curve is srgb and full_range:
        return None
    return Space(
        primaries=found,
        curve=curve if full_range else narrow(curve),
        hdr=curve in (pq, hlg),
        system=1.2 if curve is hlg else 1,
    )


def _xyz(point: Point) -> Vector:
    x, y = point
    if not (0 <= x <= 1 and 0 < y <= 1):
        raise ValueError(f"no light has the chromaticity {x}, {y}")
    return x / y, 1.0, (1 - x - y) / y


_CURVES: Final[Mapping[int, Curve]] = {
    **dict.fromkeys((1, 2, 6, 7, 11, 12, 13, 14, 15), srgb),
    4: power(2.2),
    5: power(2.8),
    8: power(1),
    16: pq,
    18: hlg,
}
_C: Final = (0.31, 0.316)
_NTSC: Final = Primaries(red=(0.63, 0.34), green=(0.31, 0.595), blue=(0.155, 0.07))
_P3: Final = Primaries(red=(0.68, 0.32), green=(0.265, 0.69), blue=(0.15, 0.06))
_PRIMARIES: Final[Mapping[int, Primaries]] = {
    1: SRGB,
    2: SRGB,
    4: Primaries(white=_C, red=(0.67, 0.33), green=(0.21, 0.71), blue=(0.14, 0.08)),
    5: Primaries(red=(0.64, 0.33), green=(0.29, 0.6), blue=(0.15, 0.06)),
    6: _NTSC,
    7: _NTSC,
    8: Primaries(white=_C, red=(0.681, 0.319), green=(0.243, 0.692), blue=(0.145, 0.049)),
    9: Primaries(red=(0.708, 0.292), green=(0.17, 0.797), blue=(0.131, 0.046)),
    11: Primaries(white=(0.314, 0.351), red=_P3.red, green=_P3.green, blue=_P3.blue),
    12: _P3,
    22: Primaries(red=(0.63, 0.34), green=(0.295, 0.605), blue=(0.155, 0.077)),
}
