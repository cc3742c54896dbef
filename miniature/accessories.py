"""What the animals' faces can wear, drawn over their glyphs."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from miniature.assets.make_sprites import SIDE

WEARERS: Final = ("cat", "dog", "tiger", "lion", "fox", "panda", "frog", "rabbit")
ACCESSORIES: Final = {"hat": ("a hat", "hats"), "glasses": ("glasses", "glasses")}
# In 96ths of the glyph's side: the middle of the eyes, their distance, and the crown of the head.
_FACES: Final = {
    "cat": (49, 51, 34, 22),
    "dog": (50, 40, 32, 18),
    "tiger": (47, 49, 34, 14),
    "lion": (47, 46, 26, 20),
    "fox": (48, 50, 30, 24),
    "panda": (48, 48, 36, 14),
    "frog": (48, 24, 48, 16),
    "rabbit": (48, 58, 28, 38),
}
_FINE: Final = 4
_BROWN, _GOLD = (74, 44, 28, 255), (240, 180, 40, 255)
_RIM, _LENS = (20, 20, 28, 255), (190, 230, 255, 150)


@lru_cache(maxsize=64)
def _layer(name: str, accessory: str) -> Image.Image:
    """The accessory alone, RGBA at the glyph's size, where it sits on the face of ``name``."""
    layer = Image.new("RGBA", (SIDE * _FINE,) * 2)
    _DRAWN[accessory](ImageDraw.Draw(layer), *(_FINE * at for at in _FACES[name]))
    return layer.resize((SIDE, SIDE), Image.Resampling.BOX)


def _hat(draw: ImageDraw.ImageDraw, x: int, eyes: int, apart: int, crown: int) -> None:
    """A brown hat with a golden band."""
    unit = _FINE * SIDE // 96
    foot, top = crown + 8 * unit, crown - 24 * unit
    draw.rounded_rectangle((x - 17 * unit, top, x + 17 * unit, foot), 4 * unit, fill=_BROWN)
    draw.rectangle((x - 17 * unit, foot - 12 * unit, x + 17 * unit, foot - 4 * unit), fill=_GOLD)
    draw.rounded_rectangle(
        (x - 29 * unit, foot - 5 * unit, x + 29 * unit, foot + 3 * unit), 4 * unit, fill=_BROWN
    )


def _glasses(draw: ImageDraw.ImageDraw, x: int, eyes: int, apart: int, crown: int) -> None:
    """Round glasses with a dark rim."""
    unit = _FINE * SIDE // 96
    radius = max(apart // 2 - 2 * unit, 12 * unit)
    reach = max(apart // 2, radius + unit)
    for middle in (x - reach, x + reach):
        box = (middle - radius, eyes - radius, middle + radius, eyes + radius)
        draw.ellipse(box, fill=_LENS, outline=_RIM, width=5 * unit)
    draw.line((x - reach + radius, eyes, x + reach - radius, eyes), fill=_RIM, width=5 * unit)


_DRAWN: Final[dict[str, Callable[[ImageDraw.ImageDraw, int, int, int, int], None]]] = {
    "hat": _hat,
    "glasses": _glasses,
}


def wearing(glyph: Image.Image, name: str, accessory: str) -> Image.Image:
    """The glyph (RGBA) of the object ``name`` with an accessory drawn over it, of the same size."""
    return Image.alpha_composite(glyph, _layer(name, accessory))
