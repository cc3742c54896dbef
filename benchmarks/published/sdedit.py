"""SDEdit (Meng et al. 2021, https://arxiv.org/abs/2108.01073), on DDIM steps as img2img has it."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def edit(
    parts: Parts,
    latent: Tensor,
    prompt: str,
    noise: Tensor,
    *,
    steps: int,
    strength: float = 0.8,
    guidance_scale: float = 7.5,
) -> Tensor:
    """The latent (1, C, h, w) sampled from level int(steps strength), to which `noise` raises a clean one."""
    levels, context = Levels.of(parts, steps), parts.embed(["", prompt])
    start = int(steps * strength)
    x = levels.alphas[start] ** 0.5 * latent + (1 - levels.alphas[start]) ** 0.5 * noise
    for level in range(start, 0, -1):
        base, prompted = parts.noise(x.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
    return x
