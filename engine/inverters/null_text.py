"""Null-text inversion: unconditional embeddings that make guided sampling follow the pivot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.inverters.base import Inversion, Inverter, Source, scale_of
from engine.inverters.ddim import trajectory
from engine.inverters.embeddings import tuned
from engine.learned import Learned
from engine.noise import Call
from engine.progress import OnProgress
from engine.record import SourceRecord
from engine.schedule import Schedule
from parameters import NullText

_EMBEDDINGS = "uncond"


class NullTextInverter(Inverter):
    """Learn the unconditional embedding of every step, so that guided sampling lands on the pivot.

    min over u_t of MSE(step(eps(u_t) + w (eps_c - eps(u_t))), z*_(t-1)), the pivot z* being conditional DDIM
    at w = 1. Mokady et al. 2023, https://arxiv.org/abs/2211.09794, section 3.
    """

    params = NullText
    pinned = False

    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: NullText, on_progress: OnProgress
    ) -> Inversion:
        model.check_unconditional("null-text inversion")

        def predict(x: Tensor, call: Call) -> Tensor:
            with torch.no_grad():
                return model.predict(x, call.shown, source.text)

        scale = scale_of(params)
        pivot = trajectory(source.latent, schedule, predict, on_progress)
        embeddings = tuned(
            model,
            schedule,
            pivot,
            start=source.empty,
            other=source.text,
            guided=lambda uncond, cond: uncond + scale * (cond - uncond),
            inner_steps=params.inner_steps,
            learning_rate=params.learning_rate,
            on_progress=on_progress,
        )
        return Inversion(trajectory=pivot, learned={_EMBEDDINGS: embeddings})

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return NullEmbeddings(embeddings=record.learned[_EMBEDDINGS].to(model.device))

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """Steps of Adam."""
        return int(params.inner_steps * steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class NullEmbeddings(Learned):
    """The unconditional branch reads another embedding (tokens, width) in every step."""

    embeddings: Tensor

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        if branch != "uncond":
            return given
        return given.with_context(self.embeddings[index : index + 1], f"null-text {index}")
