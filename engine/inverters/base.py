"""What every inversion takes, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from engine.denoise import OnStep
from engine.models import Models
from engine.schedule import Schedule


@dataclass(frozen=True, kw_only=True, eq=False)
class Inversion:
    """What an inverter learned of a picture.

    `trajectory` (N+1, C, h, w) in float32, level 0 first, which is clean. If `pinned`, the source row of an
    edit follows it; else that row runs free from level N. `learned` are an inverter's own tensors.
    """

    trajectory: Tensor
    pinned: bool
    learned: Mapping[str, Tensor] = field(default_factory=dict)


class Inverter(Protocol):
    """A frozen dataclass whose fields are the method's parameters, called once per picture.

    `latent` (1, C, h, w) is clean, `text` (1, tokens, width) the embedding of the source prompt; `on_step`
    hears of every step done.
    """

    def __call__(
        self, models: Models, latent: Tensor, text: Tensor, schedule: Schedule, on_step: OnStep
    ) -> Inversion: ...
