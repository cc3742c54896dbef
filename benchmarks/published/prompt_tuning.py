"""Prompt Tuning Inversion (Dong et al. 2023, https://arxiv.org/abs/2305.04441).

No code is public. Where the paper leaves inner steps and rates open, they are Null-text's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


def optimise(
    parts: Parts,
    path: Tensor,
    prompt: str,
    *,
    guidance_scale: float = 7.5,
    inner_steps: int = 10,
    learning_rate: float = 1e-2,
    tolerance: float = 1e-5,
) -> Tensor:
    """The conditional embeddings (N, tokens, width), noisiest step first, with which guided sampling retraces
    a path (N+1, C, h, w) that the empty prompt made, clean latent first; they start from a prompt's, or "".
    """
    steps = len(path) - 1
    levels, null = Levels.of(parts, steps), parts.embed([""])
    learned, x, found = parts.embed([prompt]), path[-1:], []
    for index in range(steps):
        level = steps - index
        timestep, goal = levels.timesteps[level], path[level - 1 : level]
        with torch.no_grad():
            base = parts.noise(x, timestep, null)
        learned = learned.clone().requires_grad_()
        adam = torch.optim.Adam([learned], lr=learning_rate * (1 - index / 100))
        for _ in range(inner_steps):
            noise = base + guidance_scale * (parts.noise(x, timestep, learned) - base)
            loss = (levels.move(x, noise, level, level - 1) - goal).pow(2).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            if loss.item() < tolerance + index * 2e-5:
                break
        learned = learned.detach()
        x = _step(parts, levels, x, learned, null, guidance_scale, level)
        found.append(learned)
    return torch.cat(found)


def edit(
    parts: Parts, start: Tensor, embeddings: Tensor, prompt: str, *, eta: float = 0.85, guidance_scale: float
) -> Tensor:
    """The latent (1, C, h, w) sampled under eta of a prompt and 1 - eta of the embeddings learned."""
    steps, x = len(embeddings), start
    levels, target, null = Levels.of(parts, steps), parts.embed([prompt]), parts.embed([""])
    for index in range(steps):
        mixed = eta * target + (1 - eta) * embeddings[index]
        x = _step(parts, levels, x, mixed, null, guidance_scale, steps - index)
    return x


@torch.no_grad()
def _step(
    parts: Parts, levels: Levels, x: Tensor, cond: Tensor, null: Tensor, guidance_scale: float, level: int
) -> Tensor:
    """One guided step down from a level."""
    base, towards = (parts.noise(x, levels.timesteps[level], context) for context in (null, cond))
    return levels.move(x, base + guidance_scale * (towards - base), level, level - 1)
