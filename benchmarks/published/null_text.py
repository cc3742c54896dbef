"""Null-text inversion (Mokady et al. 2022, https://arxiv.org/abs/2211.09794, algorithm 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


class NullText(NamedTuple):
    """What was learned: null embeddings (N, tokens, width), noisiest step first, and by step the losses."""

    embeddings: Tensor
    losses: tuple[tuple[float, ...], ...]


def optimise(
    parts: Parts,
    path: Tensor,
    prompt: str,
    *,
    guidance_scale: float = 7.5,
    inner_steps: int = 10,
    learning_rate: float = 1e-2,
    tolerance: float = 1e-5,
) -> NullText:
    """The null embeddings with which guided sampling retraces a path (N+1, C, h, w), clean latent first.

    Each step starts from the embedding of the one before, with a new Adam at learning_rate (1 - i/100), and
    ends once a loss was below tolerance + 2e-5 i; the update after that loss is still made, and used.
    """
    steps = len(path) - 1
    levels = Levels.of(parts, steps)
    cond, null = parts.embed([prompt]), parts.embed([""])
    x, embeddings, losses = path[-1:], [], []
    for index, level in enumerate(range(steps, 0, -1)):
        timestep = levels.timesteps[level]
        goal = path[level - 1 : level]
        null = null.clone().requires_grad_()
        adam = torch.optim.Adam([null], lr=learning_rate * (1 - index / 100))
        with torch.no_grad():
            prompted = parts.noise(x, timestep, cond)

        def step(context: Tensor, x: Tensor = x, prompted: Tensor = prompted, level: int = level) -> Tensor:
            base = parts.noise(x, levels.timesteps[level], context)
            return levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)

        taken: list[float] = []
        while len(taken) < inner_steps and (not taken or taken[-1] >= tolerance + index * 2e-5):
            loss = F.mse_loss(step(null), goal)
            adam.zero_grad()
            loss.backward()
            adam.step()
            taken.append(loss.item())
        null = null.detach()
        with torch.no_grad():
            x = step(null)
        embeddings.append(null)
        losses.append(tuple(taken))
    return NullText(torch.cat(embeddings), tuple(losses))
