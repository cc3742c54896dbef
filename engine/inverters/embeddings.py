"""Embeddings of one branch, learned step by step so that guided sampling follows a pivot."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.errors import NumericalError
from engine.noise import Call, clean, move
from engine.progress import OnProgress, Progress
from engine.schedule import Schedule

Guided = Callable[[Tensor, Tensor], Tensor]
"""The guided prediction, from the learning branch's and the other one's, (1, C, h, w) each."""


@torch.enable_grad()
def tuned(
    model: Backbone,
    schedule: Schedule,
    pivot: Tensor,
    *,
    start: Conditioning,
    other: Conditioning,
    guided: Guided,
    inner_steps: int,
    learning_rate: float,
    on_progress: OnProgress,
) -> Tensor:
    """The embedding that one branch reads in every step, (N, tokens, width), the noisiest step first.

    min over e_t of MSE(step(guided(eps(e_t), eps(other))), z*_(t-1)), for the pivot z* (N+1, C, h, w), clean
    first. e_t starts from the one before, the first from `start`; step i has at most `inner_steps` steps of
    Adam at the rate learning_rate (1 - i / 100), if positive, and ends once the loss is below 1e-5 + 2e-5 i:
    the schedule in the code of Null-text inversion (Mokady et al. 2023, https://arxiv.org/abs/2211.09794).

    Raises:
        NumericalError: a loss is no finite number.
    """
    calls, x = schedule.denoising(), pivot[-1:]
    learned = start.context.float()
    found: list[Tensor] = []
    total, taken = inner_steps * len(calls), 0
    for index, call in enumerate(calls):
        goal = pivot[len(calls) - 1 - index][None]
        with torch.no_grad():
            fixed = model.predict(x, call.shown, other)

        def step(
            context: Tensor, x: Tensor = x, call: Call = call, fixed: Tensor = fixed
        ) -> tuple[Tensor, Tensor]:
            held = guided(model.predict(x, call.shown, start.with_context(context, "")), fixed)
            return move(x, held, call.at, call.to), held

        learned = learned.detach().clone().requires_grad_()
        adam = torch.optim.Adam([learned], lr=learning_rate * max(1 - index / 100, 0.0))
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
