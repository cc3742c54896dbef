"""MasaCtrl (Cao et al. 2023, https://arxiv.org/abs/2304.08465)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.published.attention import is_cross, open_attention
from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def edit(
    parts: Parts,
    start: Tensor,
    source: str,
    target: str,
    *,
    steps: int,
    first_step: int = 4,
    first_layer: int = 10,
    guidance_scale: float = 7.5,
    path: Tensor | None = None,
) -> Tensor:
    """The latents of source and target, (2, C, h, w), sampled together from `start` (1, C, h, w).

    From a step and a self-attention layer on, counted in the order they run, both rows of a branch read the
    keys and values of its source. With a `path` (N+1, C, h, w), clean first, the source is laid on it.
    """
    levels = Levels.of(parts, steps)
    context = parts.embed(["", "", source, target])
    layers = in_order(parts.unet)[first_layer:]
    x = start.repeat(2, 1, 1, 1)
    for index, level in enumerate(range(steps, 0, -1)):

        def on_heads(
            name: str, query: Tensor, key: Tensor, value: Tensor, index: int = index
        ) -> tuple[Tensor, Tensor, Tensor]:
            if name in layers and index >= first_step:
                sources = [0, 0, 2, 2]
                return query, key[sources], value[sources]
            return query, key, value

        with open_attention(parts.unet, on_heads=on_heads):
            base, prompted = parts.noise(x.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
        if path is not None:
            x = torch.cat([path[level - 1 : level], x[1:]])
    return x


def in_order(unet: Any) -> list[str]:
    """The names of the self-attention layers in the order they run: down, middle, up."""
    names = [name for name in unet.attn_processors if not is_cross(name)]
    return [name for stage in ("down", "mid", "up") for name in names if name.startswith(stage)]
