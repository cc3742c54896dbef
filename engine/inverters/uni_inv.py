"""Uni-Inv: DDIM inversion that predicts at the level it goes to."""

from __future__ import annotations

import torch

from engine.backbones import Backbone
from engine.errors import check_finite
from engine.inverters.base import Inversion, Inverter, Source
from engine.noise import clean, move
from engine.progress import OnProgress, Progress
from engine.schedule import Schedule
from parameters import UniInv


class UniInvInverter(Inverter):
    """Each step is taken twice: by the last prediction, and again by what is predicted where that arrives.

    The network then sees what it will see on the way back. Without a prompt, as published, and N + 1 rows.
    Jiao et al. 2025, https://arxiv.org/abs/2504.13109, algorithm 1, and the authors' code for DDIM.
    """

    params = UniInv

    @torch.no_grad()
    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: UniInv, on_progress: OnProgress
    ) -> Inversion:
        calls, latent = schedule.inversion(), source.latent
        held, levels = model.predict(latent, calls[0].at, source.empty), [latent]
        for index, call in enumerate(calls):
            ahead = move(latent, held, call.at, call.to)
            held = model.predict(ahead, call.to, source.empty)
            latent = check_finite(move(latent, held, call.at, call.to), "invert", index)
            levels.append(latent)
            on_progress(Progress("invert", index + 1, len(calls), clean(latent, held, call.to)))
        return Inversion(trajectory=torch.cat(levels))
