"""Negative-prompt inversion (Miyake et al. 2023, https://arxiv.org/abs/2305.16807) and proximal guidance
(Han et al. 2023, https://arxiv.org/abs/2306.05414).
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def sample(
    parts: Parts,
    start: Tensor,
    source: str,
    prompt: str,
    *,
    steps: int,
    guidance_scale: float,
    quantile: float | None = None,
) -> Tensor:
    """A latent (1, C, h, w) sampled away from the source prompt and towards another.

    With a `quantile` the difference of the two predictions is thresholded at that quantile of its absolute
    values, softly: the published code's "l0".
    """
    levels, x = Levels.of(parts, steps), start
    away, towards = parts.embed([source]), parts.embed([prompt])
    for level in range(steps, 0, -1):
        base = parts.noise(x, levels.timesteps[level], away)
        delta = parts.noise(x, levels.timesteps[level], towards) - base
        if quantile is not None:
            threshold = torch.quantile(delta.abs(), quantile)
            delta = torch.sign(delta) * (delta.abs() - threshold).clamp(min=0)
        x = levels.move(x, base + guidance_scale * delta, level, level - 1)
    return x
