"""Uni-Inv and Uni-Edit on DDIM steps (Jiao et al. 2025, https://arxiv.org/abs/2504.13109)."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def invert(parts: Parts, latent: Tensor, steps: int) -> Tensor:
    """The latents (N+1, C, h, w) of a latent (1, C, h, w) without a prompt, clean one first.

    A step to level k is predicted at the latent that the prediction before it leads to; the first of all is
    made at the clean latent and timestep 0.
    """
    levels, context, path = Levels.of(parts, steps), parts.embed([""]), [latent]
    noise = parts.noise(latent, 0, context)
    for level in range(1, steps + 1):
        guess = levels.move(path[-1], noise, level - 1, level)
        noise = parts.noise(guess, levels.timesteps[level], context)
        path.append(levels.move(path[-1], noise, level - 1, level))
    return torch.cat(path)


@torch.no_grad()
def edit(
    parts: Parts, path: Tensor, source: str, target: str, *, alpha: float = 0.6, omega: float = 5.0
) -> Tensor:
    """The latent (1, C, h, w) sampled from level int(alpha N) of a path (N+1, C, h, w), clean one first.

    The region is where the difference is large, as in the authors' code for FLUX; theirs for diffusers takes
    it with its sign.
    """
    steps = len(path) - 1
    levels, context = Levels.of(parts, steps), parts.embed([source, target])
    start = int(alpha * steps)
    x = path[start : start + 1]
    for level in range(start, 0, -1):
        old, new = parts.noise(x.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        guidance = new - old
        mask = guidance.abs().mean(1, keepdim=True)
        mask = (mask - mask.min()) / (mask.max() - mask.min() + 1e-7)
        fused = mask * new + (1 - mask) * old
        x = levels.move(x, fused + omega * (1 + mask) * guidance, level, level - 1)
    return x
