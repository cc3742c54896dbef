"""A wider world than `scenes.sample` draws: empty grounds, pairs of colours, counts, sizes, accessories.

What the model learns from when it is trained further; `scenes.sample` stays as it is, since benchmarks and
tests are made of its seeds.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from miniature.accessories import ACCESSORIES, WEARERS
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES
from miniature.scenes import Scene
from miniature.things import LARGE, SMALL, Thing

Draw = Callable[[np.random.Generator], tuple[Thing, ...]]


def _one(rng: np.random.Generator, names: tuple[str, ...] = OBJECTS) -> Thing:
    name = str(rng.choice(names))
    colour = str(rng.choice(list(COLOURS))) if name in RECOLOURABLE and rng.random() < 0.9 else None
    return Thing(
        object=name,
        colour=colour,
        x=rng.uniform(-0.13, 0.13),
        y=rng.uniform(-0.11, 0.11),
        size=rng.uniform(0.50, LARGE),
    )


def _empty(rng: np.random.Generator) -> tuple[Thing, ...]:
    return ()


def _single(rng: np.random.Generator) -> tuple[Thing, ...]:
    return (_one(rng),)


def _beside(rng: np.random.Generator, thing: Thing, side: int) -> Thing:
    return replace(
        thing, x=side * rng.uniform(0.22, 0.27), y=rng.uniform(-0.16, 0.16), size=rng.uniform(0.38, 0.47)
    )


def _pair(rng: np.random.Generator) -> tuple[Thing, ...]:
    """Two different objects side by side."""
    names = rng.choice(OBJECTS, 2, replace=False)
    return tuple(
        _beside(rng, _one(rng, (str(name),)), side) for name, side in zip(names, (-1, 1), strict=True)
    )


def _colours(rng: np.random.Generator) -> tuple[Thing, ...]:
    """Two objects in two colours, which may be of one kind."""
    names = rng.choice(RECOLOURABLE, 2)
    colours = rng.choice(list(COLOURS), 2, replace=False)
    return tuple(
        _beside(rng, Thing(object=str(name), colour=str(colour)), side)
        for name, colour, side in zip(names, colours, (-1, 1), strict=True)
    )


def _several(rng: np.random.Generator) -> tuple[Thing, ...]:
    """Two or three of a kind."""
    count = int(rng.choice((2, 3)))
    size = rng.uniform(0.36, 0.45) if count == 2 else rng.uniform(0.34, 0.42)
    thing = replace(_one(rng), count=count, size=size, x=rng.uniform(-0.04, 0.04), y=rng.uniform(-0.05, 0.05))
    return (thing,)


def _dressed(rng: np.random.Generator) -> tuple[Thing, ...]:
    """A face that wears something, or nothing one time in three."""
    worn = None if rng.random() < 1 / 3 else str(rng.choice(list(ACCESSORIES)))
    return (replace(_one(rng, WEARERS), accessory=worn, y=rng.uniform(-0.05, 0.11)),)


def _sized(rng: np.random.Generator) -> tuple[Thing, ...]:
    """Small or large."""
    if rng.random() < 0.5:
        x, y = rng.uniform(-0.25, 0.25, 2)
        return (replace(_one(rng), x=x, y=y, size=rng.uniform(0.27, SMALL)),)
    x, y = rng.uniform(-0.06, 0.06, 2)
    return (replace(_one(rng), x=x, y=y, size=rng.uniform(LARGE + 0.05, 0.9)),)


def _aside(rng: np.random.Generator) -> tuple[Thing, ...]:
    """On the left or on the right."""
    return (_beside(rng, _one(rng), int(rng.choice((-1, 1)))),)


# Name of a layout: how it is drawn, how often, and what its caption mentions.
LAYOUTS: Final[dict[str, tuple[Draw, float, frozenset[str]]]] = {
    "empty": (_empty, 0.10, frozenset()),
    "single": (_single, 0.14, frozenset()),
    "pair": (_pair, 0.16, frozenset()),
    "colours": (_colours, 0.18, frozenset()),
    "several": (_several, 0.16, frozenset()),
    "dressed": (_dressed, 0.14, frozenset()),
    "sized": (_sized, 0.07, frozenset({"extent"})),
    "aside": (_aside, 0.05, frozenset({"side"})),
}


def sample_wide(seed: int, layout: str | None = None) -> Scene:
    """A scene of the wider world drawn from ``seed``, in one of `LAYOUTS` or in any; its caption is complete.

    Every background comes with every style, and every layout with both.
    """
    rng = np.random.default_rng((seed, 6))
    drawn = str(rng.choice(list(LAYOUTS), p=[chance for _, chance, _ in LAYOUTS.values()]))
    draw, _, mention = LAYOUTS[layout or drawn]
    style = str(rng.choice(list(STYLES), p=(0.4, 0.2, 0.2, 0.2)))
    quiet = style == "photo" and rng.random() < 0.55
    return Scene(
        things=draw(rng),
        background=str(rng.choice(list(BACKGROUNDS))),
        style=style,
        seed=seed,
        wording=int(rng.integers(16)),
        leave_out=frozenset({"style"}) if quiet else frozenset(),
        mention=mention,
    )
