"""DDIM there and back (Song et al. 2021, https://arxiv.org/abs/2010.02502)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.published.parts import Parts


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The noise levels of a run, level 0 the clean one: `alphas[k]` is the cumulative alpha of level k, and
    `timesteps[k]` what the network is shown there; `timesteps[0]` is never shown.
    """

    timesteps: tuple[int, ...]
    alphas: tuple[float, ...]

    @classmethod
    def of(cls, parts: Parts, steps: int) -> Levels:
        """The levels that the model's own scheduler visits."""
        parts.scheduler.set_timesteps(steps)
        upwards = [int(timestep) for timestep in reversed(parts.scheduler.timesteps)]
        alphas = [float(parts.scheduler.alphas_cumprod[timestep]) for timestep in upwards]
        return cls(timesteps=(-1, *upwards), alphas=(float(parts.scheduler.final_alpha_cumprod), *alphas))

    def __len__(self) -> int:
        return len(self.timesteps) - 1

    def move(self, x: Tensor, noise: Tensor, at: int, to: int) -> Tensor:
        """The DDIM step between two levels: the same noise at another strength."""
        a, b = self.alphas[at], self.alphas[to]
        clean = (x - (1 - a) ** 0.5 * noise) / a**0.5
        return b**0.5 * clean + (1 - b) ** 0.5 * noise


@torch.no_grad()
def invert(parts: Parts, latent: Tensor, prompt: str, steps: int) -> Tensor:
    """The latents (N+1, C, h, w) of DDIM inversion of a latent (1, C, h, w), unguided, clean one first.

    The noise of the step to level k is predicted at the latent of level k-1 and the timestep of level k.
    """
    levels, context, path = Levels.of(parts, steps), parts.embed([prompt]), [latent]
    for level in range(1, steps + 1):
        noise = parts.noise(path[-1], levels.timesteps[level], context)
        path.append(levels.move(path[-1], noise, level - 1, level))
    return torch.cat(path)


@torch.no_grad()
def sample(
    parts: Parts,
    start: Tensor,
    prompt: str,
    *,
    steps: int,
    guidance_scale: float,
    uncond: Tensor | None = None,
) -> Tensor:
    """A latent (1, C, h, w) sampled with classifier-free guidance from `start`, at the noisiest level.

    `uncond` (N, tokens, width), the noisiest step first, replaces the embedding of the empty prompt.
    """
    levels, x = Levels.of(parts, steps), start
    cond = parts.embed([prompt])
    null = parts.embed([""]).expand(steps, -1, -1) if uncond is None else uncond
    for index, level in enumerate(range(steps, 0, -1)):
        context = torch.cat([null[index : index + 1], cond])
        base, prompted = parts.noise(x.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
    return x
