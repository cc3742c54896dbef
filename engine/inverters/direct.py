"""Direct inversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.inverters.base import Inversion, Source
from engine.inverters.ddim import DDIM
from engine.models import Models
from engine.progress import OnProgress
from engine.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Direct:
    """DDIM inversion whose trajectory the source row retraces exactly (Ju et al. 2024).

    The paper adds the stored difference z*_(t-1) - step(z_t) to the source row at every step, which is to
    overwrite it with z*_(t-1). https://arxiv.org/abs/2310.01506
    """

    pinned: ClassVar[bool] = True

    def inner_steps_of(self, steps: int) -> int:
        """None."""
        return 0

    def __call__(self, models: Models, source: Source, schedule: Schedule, tell: OnProgress) -> Inversion:
        return DDIM()(models, source, schedule, tell)
