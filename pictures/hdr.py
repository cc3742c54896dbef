"""High dynamic range on a display without: its highlights compressed, the rest as it is."""

from functools import lru_cache
from typing import Final

from PIL import Image, ImageFilter

from pictures.curves import WHITE, srgb_value
from pictures.matrices import inverse, product, times, transposed
from pictures.spaces import SRGB, Space

_PEAK: Final = 1000 / WHITE  # of the displays that such pictures are made on (ITU-R BT.2408, 2.2)
_KNEE: Final = 0.5
_NODES: Final = 33
_KEPT: Final = 4  # tables, of 4 MB each


def tone_mapped(image: Image.Image, space: Space) -> Image.Image:
    """An RGB image of `space` as 8-bit sRGB.

    Light up to the half of white paper stays as it is, that of the brightest channel above it is compressed
    by the curve of Reinhard et al. 2002 (equation 4) so that 1000 cd/m2 are white, and the others with it.
    """
    return image.filter(_table(space))


@lru_cache(maxsize=_KEPT)
def _table(space: Space) -> ImageFilter.Color3DLUT:
    to_srgb = product(inverse(SRGB.to_xyz()), space.primaries.to_xyz())
    of_light = times(transposed(space.primaries.to_xyz()), (0, 1, 0))

    def shown(*values: float) -> tuple[float, ...]:
        light = tuple(min(_PEAK, space.curve(value)) for value in values)
        if space.system != 1:
            scene = sum(share * each for share, each in zip(of_light, light, strict=True))
            gain = _PEAK * scene ** (space.system - 1)
            light = tuple(gain * each for each in light)
        brightest = max(light)
        by = _compressed(brightest) / brightest if brightest else 0
        return tuple(srgb_value(min(1.0, max(0.0, by * each))) for each in times(to_srgb, light))

    return ImageFilter.Color3DLUT.generate(_NODES, shown)


def _compressed(light: float) -> float:
    if light <= _KNEE:
        return light
    above, top = ((each - _KNEE) / (1 - _KNEE) for each in (light, _PEAK))
    return _KNEE + (1 - _KNEE) * above * (1 + above / top**2) / (1 + above)
