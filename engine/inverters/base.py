"""What every inversion takes, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from PIL import Image
from torch import Tensor

from engine.models import Models
from engine.progress import OnProgress
from engine.schedule import Schedule


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """The picture to invert: the working picture, its clean latent (1, C, h, w) in float32, and the embedding
    of its prompt (1, tokens, width).
    """

    picture: Image.Image
    latent: Tensor
    text: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Inversion:
    """What an inverter learned of a picture.

    `trajectory` (N+1, C, h, w) in float32, level 0 first, which is clean. `learned` are an inverter's own
    tensors, and `guidance_scale` the only one that they are good for, if there is such a one.
    """

    trajectory: Tensor
    learned: Mapping[str, Tensor] = field(default_factory=dict)
    guidance_scale: float | None = None


class Inverter(Protocol):
    """A frozen dataclass whose fields are the method's parameters, called once per picture.

    `tell` hears of every step done; what it raises ends the inversion. If `pinned`, the source row of an edit
    follows the trajectory; else that row runs free from level N.
    """

    pinned: ClassVar[bool]

    def inner_steps_of(self, steps: int) -> int:
        """How many inner steps an inversion of so many steps may take in all; 0 if it learns nothing."""
        ...

    def __call__(self, models: Models, source: Source, schedule: Schedule, tell: OnProgress) -> Inversion: ...
