"""Things: one object of a scene, or several of a kind, and where they are drawn."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from miniature.accessories import ACCESSORIES, WEARERS, wearing
from miniature.render import COLOURS, OBJECTS, RECOLOURABLE, sprite
from miniature.words import NUMBERS, PLURALS

SUPERSAMPLING: Final = 2
# Sizes below the first are called small, above the second large.
SMALL, LARGE = 0.36, 0.70
_OFFSETS: Final = {
    1: ((0.0, 0.0),),
    2: ((-0.54, 0.0), (0.54, 0.0)),
    3: ((-0.54, 0.5), (0.54, 0.5), (0.0, -0.5)),
}
_SHARE: Final = {1: 1.0, 2: 0.68, 3: 0.6}  # the side of each object when so many share the room of one


def known(what: str, value: object, among: Iterable[object]) -> None:
    """Check that a value is one of the known ones.

    Raises:
        ValueError: it is not; the message lists what is known.
    """
    names = list(among)
    if value not in names:
        raise ValueError(f"no {what} called {value!r}: choose one of {', '.join(map(str, names))}")


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One object, or several of a kind: centre and side as fractions of the picture's shorter side.

    The centre is measured from the picture's centre; ``size`` is the side of each of the ``count`` objects.
    """

    object: str
    colour: str | None = None
    x: float = 0.0
    y: float = 0.0
    size: float = 0.62
    count: int = 1
    accessory: str | None = None

    def __post_init__(self) -> None:
        known("object", self.object, OBJECTS)
        known("count", self.count, _OFFSETS)
        if self.colour is not None:
            known("colour", self.colour, COLOURS)
            known(f"object with a colour (not {self.object})", self.object, RECOLOURABLE)
        if self.accessory is not None:
            known("accessory", self.accessory, ACCESSORIES)
            known(f"object that wears things (not {self.object})", self.object, WEARERS)

    @property
    def extent(self) -> str | None:
        """The word for the size: "small", "large", or none for what lies between."""
        return "small" if self.size < SMALL else "large" if self.size > LARGE else None

    @property
    def side(self) -> str | None:
        """The word for the place: "left", "right", or none for the middle."""
        return "left" if self.x < -0.15 else "right" if self.x > 0.15 else None

    def phrase(self, *, colour: bool = True, extent: bool = False, side: bool = False) -> str:
        noun = self.object if self.count == 1 else PLURALS[self.object]
        parts = (self.extent if extent else None, self.colour if colour else None, noun)
        words = " ".join(part for part in parts if part)
        number = NUMBERS.get(self.count, "an" if words[0] in "aeiou" else "a")
        worn = f" with {ACCESSORIES[self.accessory][self.count > 1]}" if self.accessory else ""
        return f"{number} {words}{worn}" + (f" on the {self.side}" if side and self.side else "")

    def size_of_each(self, count: int) -> float:
        """The size at which so many objects take the room of the present ones."""
        known("count", count, _SHARE)
        return self.size * _SHARE[count] / _SHARE[self.count]

    def placed(
        self, width: int, height: int, scale: int = 1
    ) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
        """The glyph of each object and its upper left corner in a picture (width, height) times ``scale``.

        Both are in pixels of the drawing, which is `SUPERSAMPLING` times as large.
        """
        side = SUPERSAMPLING * min(width, height)
        pixels = round(self.size * side)
        drawn = sprite(self.object, self.colour)
        if self.accessory:
            drawn = wearing(drawn, self.object, self.accessory)
        glyph = drawn.resize((scale * pixels, scale * pixels), Image.Resampling.LANCZOS)
        for right, down in _OFFSETS[self.count]:
            x = round(width * SUPERSAMPLING / 2 + (self.x + right * self.size) * side - pixels / 2)
            y = round(height * SUPERSAMPLING / 2 + (self.y + down * self.size) * side - pixels / 2)
            yield glyph, (scale * x, scale * y)
