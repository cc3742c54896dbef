"""Held-out edits with their truth: a scene, the same scene changed, and the pixels that had to change."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miniature.recipe.data import HELD_OUT
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, STYLES
from miniature.scenes import Scene, sample

KINDS = ("object", "colour", "background", "style")
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
    """Edits of one kind ("object", "colour", "background", "style"), the same ones on every call."""
    return list(islice(_pairs(kind, first), most))


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
