"""Attention of a U-Net with every map in memory and open to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

OnHeads = Callable[[str, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Sees a layer's name, queries, keys and values (rows, heads, places, width), and gives those to use."""

OnMap = Callable[[str, Tensor], Tensor]
"""Sees a layer's name and its probabilities (rows, heads, queries, keys), and gives those to use."""


class _Processor:
    def __init__(self, name: str, on_heads: OnHeads | None, on_map: OnMap | None) -> None:
        self.name, self.on_heads, self.on_map = name, on_heads, on_map

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for projected in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        if self.on_heads:
            query, key, value = self.on_heads(self.name, query, key, value)
        probs = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        if self.on_map:
            probs = self.on_map(self.name, probs)
        merged: Tensor = attn.to_out[1](attn.to_out[0]((probs @ value).transpose(1, 2).flatten(2)))
        return merged / attn.rescale_output_factor


@contextmanager
def open_attention(
    unet: Any, *, on_heads: OnHeads | None = None, on_map: OnMap | None = None
) -> Iterator[None]:
    """Let callbacks see and change every attention layer for as long as this lasts."""
    stock = dict(unet.attn_processors)
    unet.set_attn_processor({name: _Processor(name, on_heads, on_map) for name in stock})
    try:
        yield
    finally:
        unet.set_attn_processor(dict(stock))


def is_cross(name: str) -> bool:
    """Whether a layer attends to the text, by its name in diffusers."""
    return ".attn2." in name
