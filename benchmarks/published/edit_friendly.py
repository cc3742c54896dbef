"""Edit-friendly DDPM inversion (Huberman-Spiegelglas et al. 2023, https://arxiv.org/abs/2304.06140)."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


def noised(parts: Parts, latent: Tensor, noise: Tensor) -> Tensor:
    """The latents (N+1, C, h, w) of levels 0 to N, noised one by one with rows of noise (N, C, h, w)."""
    levels = Levels.of(parts, len(noise))
    rows = [
        alpha**0.5 * latent + (1 - alpha) ** 0.5 * row
        for alpha, row in zip(levels.alphas[1:], noise[:, None], strict=True)
    ]
    return torch.cat([latent, *rows])


@torch.no_grad()
def invert(
    parts: Parts, path: Tensor, prompt: str, *, guidance_scale: float = 3.5, last_noise: bool = True
) -> Tensor:
    """The noise maps z_1 .. z_N, (N, C, h, w), that carry each level of a path to the one below it.

    z_t = (x_(t-1) - mu_t(x_t)) / sigma_t. The published code keeps the last step's map at zero: `last_noise`
    False.
    """
    levels = Levels.of(parts, len(path) - 1)
    maps = []
    for level in range(1, len(path)):
        mean, std = _posterior(parts, levels, path[level : level + 1], prompt, guidance_scale, level)
        maps.append((path[level - 1 : level] - mean) / std)
    if not last_noise:
        maps[0] = torch.zeros_like(maps[0])
    return torch.cat(maps)


@torch.no_grad()
def edit(
    parts: Parts, path: Tensor, maps: Tensor, prompt: str, *, start: int, guidance_scale: float = 15.0
) -> Tensor:
    """The latent (1, C, h, w) that another prompt makes of the noise maps, from level `start` on.

    Skipping the first `skip` of N steps, as the published code has it, is to start at level N - skip.
    """
    levels, x = Levels.of(parts, len(path) - 1), path[start : start + 1]
    for level in range(start, 0, -1):
        mean, std = _posterior(parts, levels, x, prompt, guidance_scale, level)
        x = mean + std * maps[level - 1 : level]
    return x


def _posterior(
    parts: Parts, levels: Levels, x: Tensor, prompt: str, guidance_scale: float, level: int
) -> tuple[Tensor, float]:
    """Mean and deviation of the level below, given x: DDIM's with eta 1."""
    timestep = levels.timesteps[level]
    noise = parts.noise(x, timestep, parts.embed([""]))
    if prompt:
        noise = noise + guidance_scale * (parts.noise(x, timestep, parts.embed([prompt])) - noise)
    a, b = levels.alphas[level], levels.alphas[level - 1]
    variance = (1 - b) / (1 - a) * (1 - a / b)
    clean = (x - (1 - a) ** 0.5 * noise) / a**0.5
    return b**0.5 * clean + (1 - b - variance) ** 0.5 * noise, variance**0.5
