"""Prompt Tuning Inversion: conditional embeddings that make guided sampling follow the pivot."""

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
from parameters import PromptTuning

_EMBEDDINGS = "cond"


class PromptTuningInverter(Inverter):
    """Learn what the conditional branch of the source reads in every step; no words are needed.

    min over c_t of MSE(step(eps_u + w (eps(c_t) - eps_u)), z*_(t-1)), the pivot z* being DDIM under the empty
    prompt, which the unconditional branch goes on reading. The first c_t starts from the source prompt. Dong
    et al. 2023, https://arxiv.org/abs/2305.04441, section 3.2; inner steps and rates are Null-text's.
    """

    params = PromptTuning
    pinned = False

    def invert(
        self,
        model: Backbone,
        source: Source,
        schedule: Schedule,
        params: PromptTuning,
        on_progress: OnProgress,
    ) -> Inversion:
        def predict(x: Tensor, call: Call) -> Tensor:
            with torch.no_grad():
                return model.predict(x, call.shown, source.empty)

        scale = scale_of(params)
        pivot = trajectory(source.latent, schedule, predict, on_progress)
        embeddings = tuned(
            model,
            schedule,
            pivot,
            start=source.text,
            other=source.empty,
            guided=lambda cond, uncond: uncond + scale * (cond - uncond),
            inner_steps=params.inner_steps,
            learning_rate=params.learning_rate,
            on_progress=on_progress,
        )
        return Inversion(trajectory=pivot, learned={_EMBEDDINGS: embeddings})

    def learned_of_source(self, model: Backbone, record: SourceRecord) -> Learned:
        return PromptEmbeddings(embeddings=record.learned[_EMBEDDINGS].to(model.device))

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """Steps of Adam."""
        return int(params.inner_steps * steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class PromptEmbeddings(Learned):
    """The conditional branch reads another embedding (tokens, width) in every step."""

    embeddings: Tensor

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        if branch != "cond":
            return given
        return given.with_context(self.embeddings[index : index + 1], f"prompt-tuning {index}")
