"""DiffEdit (Couairon et al. 2022, https://arxiv.org/abs/2210.11427), as diffusers' pipeline has it."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def difference(
    parts: Parts,
    latent: Tensor,
    source: str,
    target: str,
    noise: Tensor,
    *,
    steps: int,
    strength: float = 0.5,
    guidance_scale: float = 7.5,
    clamp: float = 3.0,
) -> Tensor:
    """How differently two prompts denoise a latent (1, C, h, w), by place (h, w), from 0 to 1.

    It is noised to level int(steps strength) by rows of `noise` (maps, C, h, w); both predictions are guided,
    and what exceeds `clamp` times the mean of the difference counts as 1.
    """
    levels, level = Levels.of(parts, steps), int(steps * strength)
    alpha, timestep = levels.alphas[level], levels.timesteps[level]
    x = alpha**0.5 * latent + (1 - alpha) ** 0.5 * noise

    def guided(prompt: str) -> Tensor:
        base, prompted = (
            parts.noise(x, timestep, parts.embed([text]).expand(len(x), -1, -1)) for text in ("", prompt)
        )
        return base + guidance_scale * (prompted - base)

    found = (guided(target) - guided(source)).abs().mean((0, 1))
    most = clamp * found.mean()
    return torch.minimum(found, most) / most


@torch.no_grad()
def edit(
    parts: Parts,
    path: Tensor,
    prompt: str,
    mask: Tensor,
    *,
    strength: float = 0.8,
    guidance_scale: float = 7.5,
) -> Tensor:
    """The latent (1, C, h, w) sampled from level int(N strength) of a path (N+1, C, h, w), clean one first.

    Wherever the mask (h, w) is closed, the path's latent of the level that a step arrives at is pasted.
    """
    steps = len(path) - 1
    levels, context = Levels.of(parts, steps), parts.embed(["", prompt])
    start = int(steps * strength)
    x = path[start : start + 1]
    for level in range(start, 0, -1):
        base, prompted = parts.noise(x.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
        x = torch.where(mask, x, path[level - 1 : level])
    return x
