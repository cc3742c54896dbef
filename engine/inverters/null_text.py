"""Null-text inversion: unconditional embeddings that make guided sampling follow the pivot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from parameters import NullText

_EMBEDDINGS = "uncond"


class NullTextInverter(Inverter):
    """Learn the unconditional embedding of every step, so that guided sampling lands on the pivot.

    min over u_t of MSE(step(eps(u_t) + w (eps_c - eps(u_t))), z*_(t-1)), the pivot z* being conditional DDIM
    at w = 1. u_t starts from the one before; step i has at most `inner_steps` steps of Adam at the rate
    learning_rate (1 - i / 100), if positive, and ends once the loss is below 1e-5 + 2e-5 i.

    Mokady et al. 2023, https://arxiv.org/abs/2211.09794, section 3, and the authors' code.
    """

    params = NullText
    pinned = False

    @torch.enable_grad()
    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: NullText, on_progress: OnProgress
    ) -> Inversion:
        model.check_unconditional("null-text inversion")

        def predict(x: Tensor, call: Call) -> Tensor:
            with torch.no_grad():
                return model.predict(x, call.shown, source.text)

        scale = scale_of(params)
        pivot = trajectory(source.latent, schedule, predict, on_progress)
        calls, x = schedule.denoising(), pivot[-1:]
        learned = source.empty.context.float()
        found: list[Tensor] = []
        total, taken = self.inner_steps_of(len(calls), params), 0
        for index, call in enumerate(calls):
            goal, cond = pivot[len(calls) - 1 - index][None], predict(x, call)

            def step(
                context: Tensor, x: Tensor = x, call: Call = call, cond: Tensor = cond
            ) -> tuple[Tensor, Tensor]:
                uncond = model.predict(x, call.shown, source.empty.with_context(context, ""))
                held = uncond + scale * (cond - uncond)
                return move(x, held, call.at, call.to), held

            learned = learned.detach().clone().requires_grad_()
            adam = torch.optim.Adam([learned], lr=params.learning_rate * max(1 - index / 100, 0.0))
            for _ in range(params.inner_steps):
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
            taken = params.inner_steps * (index + 1)
            on_progress(Progress("optimize", taken, total))
            with torch.no_grad():
                x, _ = step(learned)
            found.append(learned.detach())
        return Inversion(trajectory=pivot, learned={_EMBEDDINGS: torch.cat(found)})

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
