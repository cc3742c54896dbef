"""DDIM inversion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise import OnStep, call_unet
from engine.errors import check_finite
from engine.inverters.base import Inversion
from engine.models import Models
from engine.schedule import Schedule, ddim_move, to_eps


@dataclass(frozen=True, kw_only=True)
class DDIM:
    """The sampler's own steps, run backwards with the source prompt and unguided.

    Song et al. 2021, https://arxiv.org/abs/2010.02502.
    """

    @torch.no_grad()
    def __call__(
        self, models: Models, latent: Tensor, text: Tensor, schedule: Schedule, on_step: OnStep
    ) -> Inversion:
        levels = [latent]
        for index, move in enumerate(schedule.inversion()):
            said = call_unet(models, latent, move.timestep, text)
            # The denoiser takes the latent for one of the level it goes to, so that is where it is read.
            eps = to_eps(said, latent, move.alpha_to, schedule.prediction)
            latent = check_finite(ddim_move(latent, eps, move), "invert", index)
            levels.append(latent)
            on_step(index + 1, len(schedule))
        return Inversion(trajectory=torch.cat(levels), pinned=False)
