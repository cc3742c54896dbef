"""DirectEdit's step: the network sees what the inversion showed it, moved along with the edit."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


def shifts(path: Tensor) -> Tensor:
    """What is added to the latents that the network sees, (N, C, h, w), noisiest step first.

    The inversion (N+1, C, h, w), clean latent first, predicted at level k-1 what it moved to level k by.
    """
    return (path[:-1] - path[1:]).flip(0)


@torch.no_grad()
def sample(parts: Parts, path: Tensor, prompt: str, *, guidance_scale: float) -> Tensor:
    """The latent (1, C, h, w) that another prompt makes from the top of a path, by guidance alone."""
    steps = len(path) - 1
    levels, x, ahead = Levels.of(parts, steps), path[-1:], shifts(path)
    context = parts.embed(["", prompt])
    for index, level in enumerate(range(steps, 0, -1)):
        shown = (x + ahead[index]).repeat(2, 1, 1, 1)
        base, prompted = parts.noise(shown, levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
    return x
