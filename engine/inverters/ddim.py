"""DDIM inversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.errors import check_finite
from engine.inverters.base import Inversion, Inverter, Source
from engine.noise import Call, clean, move
from engine.progress import OnProgress, Progress
from engine.schedule import Schedule
from parameters import DDIM, Direct, InversionParameters


class DDIMInverter(Inverter):
    """The sampler's own steps, run backwards with the source prompt and unguided.

    Song et al. 2021, https://arxiv.org/abs/2010.02502. For a flow it is Euler's method, backwards.
    """

    params: ClassVar[type[InversionParameters]] = DDIM
    pinned = False

    @torch.no_grad()
    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Any, on_progress: OnProgress
    ) -> Inversion:
        def predict(x: Tensor, call: Call) -> Tensor:
            return model.predict(x, call.shown, source.text)

        return Inversion(trajectory=trajectory(source.latent, schedule, predict, on_progress))


class DirectInverter(DDIMInverter):
    """DDIM inversion whose trajectory the source of an edit retraces exactly (Ju et al. 2024).

    The paper adds the stored difference z*_(t-1) - step(z_t) to the source row at every step, which is to
    overwrite it with z*_(t-1). https://arxiv.org/abs/2310.01506
    """

    params = Direct
    pinned = True


def trajectory(
    latent: Tensor,
    schedule: Schedule,
    predict: Callable[[Tensor, Call], Tensor],
    on_progress: OnProgress,
) -> Tensor:
    """The noise levels (N+1, C, h, w) that a clean latent (1, C, h, w) goes up, by predictions of its noise.

    Raises:
        NumericalError: a latent became NaN or infinite.
    """
    levels = [latent]
    for index, call in enumerate(schedule.inversion()):
        held = predict(latent, call)
        latent = check_finite(move(latent, held, call.at, call.to), "invert", index)
        levels.append(latent)
        on_progress(Progress("invert", index + 1, len(schedule), clean(latent, held, call.to)))
    return torch.cat(levels)
