"""The port of inversions: what every one takes, and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.learned import Learned
from engine.progress import OnProgress
from engine.record import SourceRecord
from engine.schedule import Schedule
from engine.source_cache import Walk
from parameters import InversionParameters


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """The picture to invert: the working picture, its clean latent (1, C, h, w) in float32, and what the
    denoiser reads of its prompt and of no words, a row each. `walk` keeps features of the source that edits
    will look for, if it is wanted.
    """

    picture: Image.Image
    latent: Tensor
    text: Conditioning
    empty: Conditioning
    walk: Walk | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Inversion:
    """The result of an inversion: the trajectory and the tensors that were learned.

    `trajectory` (N+1, C, h, w) in float32, level 0 first, which is clean; an inverter that gives no path has
    that level alone. `learned` are its own tensors.
    """

    trajectory: Tensor
    learned: Mapping[str, Tensor] = field(default_factory=dict)


class Inverter(ABC):
    """One way to invert; `params` are the parameters that it is called with, every None filled.

    If `pinned`, the source of an edit follows the trajectory; else it is sampled from level N.
    """

    params: ClassVar[type[InversionParameters]]
    pinned: ClassVar[bool] = True

    @abstractmethod
    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Any, on_progress: OnProgress
    ) -> Inversion:
        """Invert a picture; what `on_progress` raises ends it."""

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        """What a record of this inversion replaces in the steps of an edit."""
        return Learned()

    def learned_of_source(self, model: Backbone, record: SourceRecord) -> Learned:
        """What it replaces in the steps of the source itself, by default the same."""
        return self.learned(model, record)

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """The most inner steps of an inversion of so many steps in all; 0 if it learns nothing."""
        return 0


def scale_of(params: Any) -> float:
    """The guidance scale that an inversion learns at, once its parameters are resolved."""
    return float(params.guidance_scale)
