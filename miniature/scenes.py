"""Scenes: what is in a picture, its caption, its picture, and the exact result of editing it.

>>> scene = sample(7)
>>> truth = scene.with_(object="dog").render()      # the true edit: same layout, same seed
>>> mask = scene.mask(scene.with_(object="dog"))    # exactly the pixels that had to change
>>> large = scene.render(scale=4, grain=0.04)         # the same scene as a photograph larger than the model
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES, fine_grain, sprite

SIZE = 64
_SUPERSAMPLING = 2
_PLACES = {
    "grass": ("on grass", "on the grass", "on green grass", "in the grass"),
    "sand": ("on sand", "on the sand", "on yellow sand", "in the sand"),
    "snow": ("on snow", "in the snow", "on white snow", "in snow"),
    "brick": ("on brick", "against a brick wall", "in front of a brick wall", "on a brick wall"),
    "sea": ("on the sea", "in the sea", "at sea", "on a blue sea"),
    "night sky": ("in the night sky", "under a night sky", "in a night sky", "at night in the night sky"),
    "wood": ("on wood", "on a wood floor", "on brown wood", "on a wood table"),
    "sky": ("in the sky", "in a blue sky", "against the sky", "in the cloudy sky"),
}
_STYLED = {
    "photo": ("a photo of {}", "a photograph of {}", "photo of {}", "{}, photo"),
    "pixel art": ("pixel art of {}", "a pixel art picture of {}", "{}, pixel art", "{} in pixel art style"),
    "watercolour": (
        "a watercolour of {}",
        "a watercolour painting of {}",
        "{}, watercolour",
        "watercolour of {}",
    ),
    "sketch": ("a sketch of {}", "a pencil sketch of {}", "{}, sketch", "sketch of {}"),
}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One object: centre and side as fractions of the picture's shorter side, measured from its centre."""

    object: str
    colour: str | None = None
    x: float = 0.0
    y: float = 0.0
    size: float = 0.62

    def __post_init__(self) -> None:
        _known("object", self.object, OBJECTS)
        if self.colour is not None:
            _known("colour", self.colour, COLOURS)
            _known(f"object with a colour (not {self.object})", self.object, RECOLOURABLE)

    def phrase(self, *, colour: bool = True) -> str:
        words = f"{self.colour} {self.object}" if colour and self.colour else self.object
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture before it is drawn. ``wording`` picks the caption's phrases, ``leave_out`` what it omits."""

    things: tuple[Thing, ...]
    background: str = "grass"
    style: str = "photo"
    seed: int = 0
    width: int = SIZE
    height: int = SIZE
    wording: int = 0
    leave_out: frozenset[str] = frozenset({"style"})

    def __post_init__(self) -> None:
        _known("background", self.background, BACKGROUNDS)
        _known("style", self.style, STYLES)

    def with_(
        self,
        *,
        index: int = 0,
        object: str | None = None,
        colour: str | None = None,
        background: str | None = None,
        style: str | None = None,
    ) -> "Scene":
        """The same layout and seed with one thing said differently. What changes is said in the caption."""
        thing = self.things[index]
        if object is not None:
            keeps = colour is None and object in RECOLOURABLE
            thing = replace(thing, object=object, colour=thing.colour if keeps else None)
        if colour is not None:
            thing = replace(thing, colour=colour)
        said = {
            name
            for name, value in (("colour", colour), ("background", background), ("style", style))
            if value
        }
        return replace(
            self,
            things=(*self.things[:index], thing, *self.things[index + 1 :]),
            background=background or self.background,
            style=style or self.style,
            leave_out=self.leave_out - said,
        )

    def adding(self, thing: Thing) -> "Scene":
        return replace(self, things=(*self.things, thing))

    def without(self, index: int) -> "Scene":
        return replace(self, things=self.things[:index] + self.things[index + 1 :])

    @property
    def caption(self) -> str:
        said = " and ".join(thing.phrase(colour="colour" not in self.leave_out) for thing in self.things)
        if "background" not in self.leave_out:
            said += " " + _PLACES[self.background][self.wording % 4]
        if "style" not in self.leave_out:
            said = _STYLED[self.style][self.wording // 4 % 4].format(said)
        return said

    def render(self, *, scale: int = 1, grain: float = 0.0) -> Image.Image:
        """RGB, (scale * width, scale * height).

        ``grain`` adds noise of that deviation, of white 1, which the picture scaled down by ``scale`` lacks.

        Raises:
            ValueError: there is grain at scale 1, where nothing is finer than the model's size.
        """
        if grain and scale < 2:
            raise ValueError("grain needs a scale of 2 or more: at 1 nothing is finer than the model's size")
        k = scale * _SUPERSAMPLING
        h, w = self.height * k, self.width * k
        ground = BACKGROUNDS[self.background](np.random.default_rng((self.seed, 0)), h, w, scale)
        canvas = Image.fromarray(np.round(ground * 255).astype(np.uint8))
        for thing in self.things:
            glyph, corner = self._placed(thing, scale)
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
        """Where one object stands, shape (height, width)."""
        layer = Image.new("L", (self.width * _SUPERSAMPLING, self.height * _SUPERSAMPLING))
        glyph, corner = self._placed(self.things[index], 1)
        layer.paste(glyph.getchannel("A"), corner)
        return np.asarray(layer.resize((self.width, self.height), Image.Resampling.BOX)) > 127

    def _placed(self, thing: Thing, scale: int) -> tuple[Image.Image, tuple[int, int]]:
        side = _SUPERSAMPLING * min(self.width, self.height)
        pixels = round(thing.size * side)
        x = round(self.width * _SUPERSAMPLING / 2 + thing.x * side - pixels / 2)
        y = round(self.height * _SUPERSAMPLING / 2 + thing.y * side - pixels / 2)
        drawn = (scale * pixels, scale * pixels)
        glyph = sprite(thing.object, thing.colour).resize(drawn, Image.Resampling.LANCZOS)
        return glyph, (scale * x, scale * y)

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


def _known(what: str, value: str, known: object) -> None:
    names = list(known)  # type: ignore[call-overload]
    if value not in names:
        raise ValueError(f"no {what} called {value!r}: choose one of {', '.join(names)}")
