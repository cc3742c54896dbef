"""Plug-and-Play diffusion features (Tumanyan et al. 2022, https://arxiv.org/abs/2211.12572)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmarks.published.attention import open_attention
from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels


@torch.no_grad()
def edit(
    parts: Parts,
    path: Tensor,
    prompt: str,
    *,
    guidance_scale: float = 7.5,
    feature_steps: int,
    attention_steps: int,
    negative_prompt: str = "",
    negative_prompt_alpha: float = 1.0,
    negative_prompt_schedule: str = "constant",
) -> Tensor:
    """The latent (1, C, h, w) sampled from the top of a path (N+1, C, h, w), which the empty prompt made.

    In the first `feature_steps` the residual of one decoder layer, and in the first `attention_steps` the
    queries and keys of the decoder's self-attention, are those of the path's latent under the empty prompt,
    in the null, the negative and the prompted row. The published code counts inclusively: 41 and 26 of 50.
    The base of guidance is alpha_i null + (1 - alpha_i) negative: alpha 1 and "constant" leave the negative
    prompt out.
    """
    steps = len(path) - 1
    levels = Levels.of(parts, steps)
    weights = negative_prompt_alpha * schedule(negative_prompt_schedule, steps)
    context = parts.embed(["", "", negative_prompt, prompt])
    conv, attentions = feature_layer(parts.unet).conv2, attention_layers(parts.unet)
    x = path[-1:]
    for index, level in enumerate(range(steps, 0, -1)):

        def on_heads(
            name: str, query: Tensor, key: Tensor, value: Tensor, index: int = index
        ) -> tuple[Tensor, Tensor, Tensor]:
            if name not in attentions or index >= attention_steps:
                return query, key, value
            return query[:1].expand_as(query), key[:1].expand_as(key), value

        rows = torch.cat([path[level : level + 1], x.expand(3, -1, -1, -1)])
        with open_attention(parts.unet, on_heads=on_heads), _first_row_for_all(conv, index < feature_steps):
            _, null, negative, prompted = parts.noise(rows, levels.timesteps[level], context).split(1)
        base = weights[index] * null + (1 - weights[index]) * negative
        x = levels.move(x, base + guidance_scale * (prompted - base), level, level - 1)
    return x


def schedule(name: str, steps: int) -> Tensor:
    """The null prompt's share of the base by step, before alpha, (steps,): "linear", "constant" or "exp"."""
    along = torch.linspace(0, 1, steps)
    return {"linear": 1 - along, "constant": torch.ones(steps), "exp": torch.exp(-6 * along)}[name]


def feature_layer(unet: Any) -> Any:
    """The resnet whose residual is injected: the fifth of twelve in Stable Diffusion's decoder, and in one of
    another depth the one at that fraction.
    """
    resnets = [resnet for block in unet.up_blocks for resnet in block.resnets]
    return resnets[len(resnets) * 4 // 12]


def attention_layers(unet: Any) -> frozenset[str]:
    """The names of the self-attention layers whose queries and keys are injected: the decoder's but the first
    ninth of them, which leaves eight of nine in Stable Diffusion.
    """
    names = [name for name in unet.attn_processors if name.startswith("up_blocks") and ".attn1." in name]
    return frozenset(name for index, name in enumerate(names) if 9 * index >= len(names))


@contextmanager
def _first_row_for_all(conv: Any, active: bool) -> Iterator[None]:
    hook = conv.register_forward_hook(lambda _module, _args, out: out[:1].expand_as(out) if active else out)
    try:
        yield
    finally:
        hook.remove()
