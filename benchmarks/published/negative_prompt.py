"""Negative-prompt inversion (Miyake et al. 2023, https://arxiv.org/abs/2305.16807) and proximal guidance
(Han et al. 2023, https://arxiv.org/abs/2306.05414).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@dataclass(frozen=True, kw_only=True, eq=False)
class Pull:
    """Inversion guidance: where the difference is thresholded to less than the threshold, the latent is moved
    by `recon_lr` of the way to the `path` (N+1, C, h, w), clean first, at timesteps below `recon_t`.
    """

    path: Tensor
    recon_lr: float = 1.0
    recon_t: int = 400
    dilate_mask: int = 1


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
    pull: Pull | None = None,
) -> Tensor:
    """A latent (1, C, h, w) sampled away from the source prompt and towards another.

    With a `quantile` the difference of the two predictions is thresholded at that quantile of its absolute
    values, softly: the published code's "l0". What that hardly changes can be pulled to the source.
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
        if quantile is not None and pull is not None and levels.timesteps[level] < pull.recon_t:
            changed = (delta.abs() > threshold).float()
            radius = pull.dilate_mask
            kept = 1 - F.max_pool2d(changed, 2 * radius + 1, stride=1, padding=radius)
            x = x - pull.recon_lr * (x - pull.path[level - 1]) * kept
    return x
