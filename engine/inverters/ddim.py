"""DDIM inversion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from engine.denoise import call_unet
from engine.errors import check_finite
from engine.inverters.base import Inversion, Source
from engine.models import Models
from engine.progress import OnProgress, Progress
from engine.schedule import Move, Schedule, clean, ddim_move, to_eps


@dataclass(frozen=True, kw_only=True)
class DDIM:
    """The sampler's own steps, run backwards with the source prompt and unguided.

    Song et al. 2021, https://arxiv.org/abs/2010.02502.
    """

    pinned: ClassVar[bool] = False

    def inner_steps_of(self, steps: int) -> int:
        """None."""
        return 0

    @torch.no_grad()
    def __call__(self, models: Models, source: Source, schedule: Schedule, tell: OnProgress) -> Inversion:
        def ask(latent: Tensor, move: Move) -> Tensor:
            return call_unet(models, latent, move.timestep, source.text)

        return Inversion(trajectory=ddim_trajectory(source.latent, schedule, ask, tell))


def ddim_trajectory(
    latent: Tensor, schedule: Schedule, ask: Callable[[Tensor, Move], Tensor], tell: OnProgress
) -> Tensor:
    """The noise levels (N+1, C, h, w) that a clean latent (1, C, h, w) goes up, as the U-Net says when asked.

    Raises:
        NumericalError: a latent became NaN or infinite.
    """
    levels = [latent]
    for index, move in enumerate(schedule.inversion()):
        # The denoiser takes the latent for one of the level it goes to, so that is where it is read.
        eps = to_eps(ask(latent, move), latent, move.alpha_to, schedule.prediction)
        latent = check_finite(ddim_move(latent, eps, move), "invert", index)
        levels.append(latent)
        tell(Progress("invert", index + 1, len(schedule), clean(latent, eps, move.alpha_to)))
    return torch.cat(levels)
