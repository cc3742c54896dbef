"""Attention with every map in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from engine.attention import Site
from engine.backbones.sites import modules_of

OnMap = Callable[[Site, Tensor], Tensor]
"""Sees a layer's probabilities (rows, heads, queries, keys), and gives those to use."""

ToValues = Callable[[Tensor], Tensor]
"""Turns the text (rows, tokens, width) into what the value projection of a cross-attention layer reads."""


class PlainProcessor:
    """softmax(Q K^T / sqrt(d)) V, written out; `to_values` is called anew in every cross-attention layer."""

    def __init__(self, site: Site, on_map: OnMap | None, to_values: ToValues | None) -> None:
        self.site = site
        self.on_map = on_map
        self.to_values = to_values if site.kind == "cross" else None

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        read = self.to_values(context) if self.to_values else context
        query, key, value = (
            projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for projected in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(read))
        )
        probs = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        if self.on_map:
            probs = self.on_map(self.site, probs)
        merged = (probs @ value).transpose(1, 2).flatten(2)
        projected: Tensor = attn.to_out[1](attn.to_out[0](merged))
        return projected / attn.rescale_output_factor


@contextmanager
def plainly(unet: Any, *, on_map: OnMap | None = None, to_values: ToValues | None = None) -> Iterator[None]:
    """Run every attention layer of a U-Net plainly, for as long as this lasts."""
    stock = dict(unet.attn_processors)
    plain = {
        f"{site.name}.processor": PlainProcessor(site, on_map, to_values)
        for site in modules_of(unet)
        if site.kind != "feature"
    }
    unet.set_attn_processor({**stock, **plain})
    try:
        yield
    finally:
        unet.set_attn_processor(dict(stock))
