"""Held-out edits with their truth: a scene, the same scene changed, and the pixels that had to change."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miniature.accessories import ACCESSORIES
from miniature.recipe.data import HELD_OUT
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, STYLES
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

KINDS = ("object", "colour", "background", "style")
LAYOUT_KINDS = ("add", "remove", "clear", "move", "count", "dress", "undress")
_CHOICES = {"object": OBJECTS, "colour": COLOURS, "background": BACKGROUNDS, "style": STYLES}


@dataclass(frozen=True)
class Pair:
    """One edit: ``source`` as it is, ``target`` as it should become."""

    source: Scene
    target: Scene

    @cached_property
    def image(self) -> Image.Image:
        return self.source.render()

    @cached_property
    def truth(self) -> Image.Image:
        return self.target.render()

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels that had to change, shape (height, width)."""
        return self.source.mask(self.target)


def held_out_pairs(kind: str, most: int, *, first: int = HELD_OUT) -> list[Pair]:
    """Edits of one of `KINDS` or `LAYOUT_KINDS`, the same ones on every call.

    The layout's kinds change what stands where, and their captions say it: a second object is added to one or
    removed, the only one is cleared away, moved to the other side, made two or three, or its face is given a
    hat or glasses or rid of them.
    """
    if kind in KINDS:
        return list(islice(_pairs(kind, first), most))
    return [_layout_pair(kind, seed) for seed in range(first, first + most)]


def _layout_pair(kind: str, seed: int) -> Pair:
    match kind:
        case "add" | "remove":
            both = sample_wide(seed, "pair")
            one = both.without(1)
            return Pair(one, both) if kind == "add" else Pair(both, one)
        case "clear":
            scene = sample_wide(seed, "single")
            return Pair(scene, scene.without(0))
        case "move":
            scene = sample_wide(seed, "aside")
            return Pair(scene, scene.moving(0, x=-scene.things[0].x, y=scene.things[0].y))
        case "count":
            scene = sample_wide(seed, "single")
            return Pair(scene, scene.with_(count=2 + seed % 2))
        case "dress" | "undress":
            scene = sample_wide(seed, "dressed").bare(0)
            dressed = scene.with_(accessory=tuple(ACCESSORIES)[seed % len(ACCESSORIES)])
            return Pair(scene, dressed) if kind == "dress" else Pair(dressed, scene)
    raise ValueError(f"no kind of edit called {kind!r}: choose one of {', '.join((*KINDS, *LAYOUT_KINDS))}")


def _pairs(kind: str, first: int) -> Iterator[Pair]:
    for seed in count(first):
        scene = sample(seed, complete=True)
        if len(scene.things) > 1 or (kind == "colour" and scene.things[0].colour is None):
            continue
        now = getattr(scene.things[0], kind, None) or getattr(scene, kind, None)
        others = [choice for choice in _CHOICES[kind] if choice != now]
        chosen = str(np.random.default_rng((seed, 3)).choice(others))
        if kind == "style":
            # Said in both prompts, so that the edit is a swap of words like the others.
            scene = scene.with_(style=scene.style)
        change: dict[str, Any] = {kind: chosen}
        yield Pair(source=scene, target=scene.with_(**change))
