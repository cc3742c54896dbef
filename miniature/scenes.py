"""Scenes: what is in a picture, its caption, its picture, and the exact result of editing it.

>>> scene = sample(7)
>>> truth = scene.with_(object="dog").render()      # the true edit: same layout, same seed
>>> mask = scene.mask(scene.with_(object="dog"))    # exactly the pixels that had to change
>>> large = scene.render(scale=4, grain=0.04)         # the same scene as a photograph larger than the model
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from miniature.accessories import WEARERS
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES, fine_grain
from miniature.things import SUPERSAMPLING, Thing, known
from miniature.words import BARE, PLACES, STYLED

SIZE = 64
_MENTIONED = ("extent", "side")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture before it is drawn; without things, an empty background.

    ``wording`` picks the caption's phrases. It omits what is in ``leave_out`` ("style", "background",
    "colour") and names what is in ``mention`` ("extent", "side").
    """

    things: tuple[Thing, ...]
    background: str = "grass"
    style: str = "photo"
    seed: int = 0
    width: int = SIZE
    height: int = SIZE
    wording: int = 0
    leave_out: frozenset[str] = frozenset({"style"})
    mention: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        known("background", self.background, BACKGROUNDS)
        known("style", self.style, STYLES)

    def with_(
        self,
        *,
        index: int = 0,
        object: str | None = None,
        colour: str | None = None,
        background: str | None = None,
        style: str | None = None,
        count: int | None = None,
        accessory: str | None = None,
    ) -> "Scene":
        """The same layout and seed with one thing changed, which the caption then names.

        A new count keeps the room that the objects take: each of them is drawn smaller or larger.
        """
        changes: dict[str, Any] = {}
        if object is not None:
            thing = self.things[index]
            changes["object"] = object
            changes["colour"] = thing.colour if object in RECOLOURABLE else None
            changes["accessory"] = thing.accessory if object in WEARERS else None
        if colour is not None:
            changes["colour"] = colour
        if count is not None:
            changes |= {"count": count, "size": self.things[index].size_of_each(count)}
        if accessory is not None:
            changes["accessory"] = accessory
        named = {"colour": colour, "background": background, "style": style}
        return replace(
            self._replacing(index, **changes) if changes else self,
            background=background or self.background,
            style=style or self.style,
            leave_out=self.leave_out - {name for name, value in named.items() if value},
        )

    def adding(self, thing: Thing) -> "Scene":
        return replace(self, things=(*self.things, thing))

    def without(self, index: int) -> "Scene":
        return replace(self, things=self.things[:index] + self.things[index + 1 :])

    def moving(self, index: int, *, x: float, y: float) -> "Scene":
        """The same scene with one thing elsewhere; the caption names the side."""
        return replace(self._replacing(index, x=x, y=y), mention=self.mention | {"side"})

    def scaling(self, index: int, size: float) -> "Scene":
        """The same scene with one thing of another size; the caption names it small or large."""
        return replace(self._replacing(index, size=size), mention=self.mention | {"extent"})

    def bare(self, index: int) -> "Scene":
        """The same scene with one thing wearing nothing."""
        return self._replacing(index, accessory=None)

    def _replacing(self, index: int, **changes: Any) -> "Scene":
        thing = replace(self.things[index], **changes)
        return replace(self, things=(*self.things[:index], thing, *self.things[index + 1 :]))

    @property
    def caption(self) -> str:
        shown = {
            "colour": "colour" not in self.leave_out,
            **{name: name in self.mention for name in _MENTIONED},
        }
        caption = " and ".join(thing.phrase(**shown) for thing in self.things)
        if not caption:
            caption = BARE[self.background][self.wording % 4]
        elif "background" not in self.leave_out:
            caption += " " + PLACES[self.background][self.wording % 4]
        if "style" not in self.leave_out:
            caption = STYLED[self.style][self.wording // 4 % 4].format(caption)
        return caption

    def render(self, *, scale: int = 1, grain: float = 0.0) -> Image.Image:
        """RGB, (scale * width, scale * height).

        ``grain`` adds noise of that deviation, of white 1, which the picture scaled down by ``scale`` lacks.

        Raises:
            ValueError: there is grain at scale 1, where nothing is finer than the model's size.
        """
        if grain and scale < 2:
            raise ValueError("grain needs a scale of 2 or more: at 1 nothing is finer than the model's size")
        k = scale * SUPERSAMPLING
        h, w = self.height * k, self.width * k
        ground = BACKGROUNDS[self.background](np.random.default_rng((self.seed, 0)), h, w, scale)
        canvas = Image.fromarray(np.round(ground * 255).astype(np.uint8))
        for thing in self.things:
            for glyph, corner in thing.placed(self.width, self.height, scale):
                canvas.paste(glyph, corner, glyph)
        drawn = np.asarray(canvas, dtype=np.float32) / np.float32(255)
        styled = STYLES[self.style](np.random.default_rng((self.seed, 1)), drawn, scale)
        image = Image.fromarray(np.round(np.clip(styled, 0, 1) * 255).astype(np.uint8))
        image = image.resize((scale * self.width, scale * self.height), Image.Resampling.BOX)
        return self._grained(image, scale, grain) if grain else image

    def mask(self, other: "Scene", *, scale: int = 1) -> NDArray[np.bool_]:
        """Pixels that differ between the two renders, shape (scale * height, scale * width)."""
        return (np.asarray(self.render(scale=scale)) != np.asarray(other.render(scale=scale))).any(-1)

    def object_mask(self, index: int = 0) -> NDArray[np.bool_]:
        """Where one thing stands with all that it wears, shape (height, width)."""
        layer = Image.new("L", (self.width * SUPERSAMPLING, self.height * SUPERSAMPLING))
        for glyph, corner in self.things[index].placed(self.width, self.height):
            alone = Image.new("L", layer.size)
            alone.paste(glyph.getchannel("A"), corner)
            layer = ImageChops.lighter(layer, alone)
        return np.asarray(layer.resize((self.width, self.height), Image.Resampling.BOX)) > 127

    def _grained(self, image: Image.Image, scale: int, deviation: float) -> Image.Image:
        rng = np.random.default_rng((self.seed, 4))
        noise = 255 * deviation * fine_grain(rng, image.height, image.width, scale)
        return Image.fromarray(np.round(np.clip(np.asarray(image) + noise, 0, 255)).astype(np.uint8))


def sample(seed: int, *, width: int = SIZE, height: int = SIZE, complete: bool = False) -> Scene:
    """A scene drawn at random from ``seed``; ``complete`` captions leave out at most that it is a photo."""
    rng = np.random.default_rng((seed, 2))
    two = rng.random() < 0.22
    things = tuple(_sample_thing(rng, side) for side in ((-1, 1) if two else (0,)))
    style = str(rng.choice(list(STYLES), p=(0.4, 0.2, 0.2, 0.2)))
    scene = Scene(
        things=things,
        background=str(rng.choice(list(BACKGROUNDS))),
        style=style,
        seed=seed,
        width=width,
        height=height,
        wording=int(rng.integers(16)),
    )
    # What no word calls a drawing is a photo, almost always.
    quiet = {"style": 0.55 if style == "photo" else 0.02, "background": 0.08, "colour": 0.08}
    left_out = {name for name, chance in quiet.items() if rng.random() < chance}
    if complete:
        left_out &= {"style"} if style == "photo" else set()
    return replace(scene, leave_out=frozenset(left_out))


def _sample_thing(rng: np.random.Generator, side: int) -> Thing:
    name = str(rng.choice(OBJECTS))
    colour = str(rng.choice(list(COLOURS))) if name in RECOLOURABLE and rng.random() < 0.9 else None
    if side:
        return Thing(
            object=name,
            colour=colour,
            x=side * rng.uniform(0.22, 0.27),
            y=rng.uniform(-0.16, 0.16),
            size=rng.uniform(0.38, 0.47),
        )
    return Thing(
        object=name,
        colour=colour,
        x=rng.uniform(-0.13, 0.13),
        y=rng.uniform(-0.11, 0.11),
        size=rng.uniform(0.52, 0.74),
    )
