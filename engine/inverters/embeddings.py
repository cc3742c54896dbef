"""Inversions that learn what one branch reads, step by step, so that guided sampling follows a pivot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.errors import NumericalError
from engine.inverters.base import Inversion, Inverter, Source, scale_of
from engine.inverters.ddim import trajectory
from engine.learned import Learned
from engine.noise import Call, clean, move
from engine.progress import OnProgress, Progress
from engine.record import SourceRecord
from engine.schedule import Schedule


class EmbeddingInverter(Inverter):
    """Learn the embedding of one branch for every step, the other branch reading what it always does.

    min over e_t of MSE(step(eps_uncond + w (eps_cond - eps_uncond)), z*_(t-1)), e_t being what the `branch`
    reads. The pivot z* is DDIM at w = 1 with what the other branch reads.
    """

    branch: ClassVar[Literal["uncond", "cond"]]
    pinned = False

    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Any, on_progress: OnProgress
    ) -> Inversion:
        start, other = (source.empty, source.text) if self.branch == "uncond" else (source.text, source.empty)

        def predict(x: Tensor, call: Call) -> Tensor:
            with torch.no_grad():
                return model.predict(x, call.shown, other)

        pivot = trajectory(source.latent, schedule, predict, on_progress)
        embeddings = self._tuned(model, schedule, pivot, start, other, params, on_progress)
        return Inversion(trajectory=pivot, learned={self.branch: embeddings})

    def embeddings(self, model: Backbone, record: SourceRecord) -> Embeddings:
        """The learned embeddings of a record, on the model's device."""
        learned = record.learned[self.branch].to(model.device)
        return Embeddings(name=self.params.name, branch=self.branch, embeddings=learned)

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """Steps of Adam."""
        return int(params.inner_steps * steps)

    @torch.enable_grad()
    def _tuned(
        self,
        model: Backbone,
        schedule: Schedule,
        pivot: Tensor,
        start: Conditioning,
        other: Conditioning,
        params: Any,
        on_progress: OnProgress,
    ) -> Tensor:
        """The embedding of every step, (N, tokens, width), the noisiest step first.

        e_t starts from the one before, the first from `start`; step i has at most `inner_steps` steps of Adam
        at the rate learning_rate (1 - i / 100), if positive, and ends once the loss is below 1e-5 + 2e-5 i:
        the schedule in the code of Null-text inversion (Mokady et al. 2023, https://arxiv.org/abs/2211.09794).

        Raises:
            NumericalError: a loss is no finite number.
        """
        calls, x = schedule.denoising(), pivot[-1:]
        learned = start.context.float()
        found: list[Tensor] = []
        inner_steps, scale = params.inner_steps, scale_of(params)
        total, taken = inner_steps * len(calls), 0
        for index, call in enumerate(calls):
            goal = pivot[len(calls) - 1 - index][None]
            with torch.no_grad():
                fixed = model.predict(x, call.shown, other)

            def step(
                context: Tensor, x: Tensor = x, call: Call = call, fixed: Tensor = fixed
            ) -> tuple[Tensor, Tensor]:
                own = model.predict(x, call.shown, start.with_context(context, ""))
                uncond, cond = (own, fixed) if self.branch == "uncond" else (fixed, own)
                held = uncond + scale * (cond - uncond)
                return move(x, held, call.at, call.to), held

            learned = learned.detach().clone().requires_grad_()
            adam = torch.optim.Adam([learned], lr=params.learning_rate * max(1 - index / 100, 0.0))
            for _ in range(inner_steps):
                arrived, held = step(learned)
                loss = (arrived - goal).square().mean()
                if not torch.isfinite(loss):
                    raise NumericalError("optimize", index)
                adam.zero_grad()
                loss.backward()
                adam.step()
                taken += 1
                shown = clean(x, held.detach(), call.at)
                on_progress(Progress("optimize", taken, total, shown))
                if loss < 1e-5 + 2e-5 * index:
                    break
            taken = inner_steps * (index + 1)
            on_progress(Progress("optimize", taken, total))
            with torch.no_grad():
                x, _ = step(learned)
            found.append(learned.detach())
        return torch.cat(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeddings(Learned):
    """One branch reads another embedding (tokens, width) in every step; `name` is the inversion's."""

    name: str
    branch: str
    embeddings: Tensor

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        if branch != self.branch:
            return given
        return given.with_context(self.embeddings[index : index + 1], f"{self.name} {index}")
