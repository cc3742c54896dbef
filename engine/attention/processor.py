"""The bridge between diffusers' attention layers and the controls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.attention.controls import AttentionControl, Heads
from engine.attention.site import Site, sites_of
from engine.attention.step import Step


class ControlledProcessor:
    """Runs one layer as `stock` does, unless the control wants it or the step brings its own values."""

    def __init__(self, site: Site, control: AttentionControl, stock: Any) -> None:
        self.site = site
        self.control = control
        self.stock = stock

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        step: Step | None = None,
    ) -> Tensor:
        values = step.values if step is not None and self.site.kind == "cross" else None
        wanted = step is not None and any(
            self.control.wants(self.site, step, branch) for branch in step.branches
        )
        if step is None or not (wanted or values is not None):
            stock: Tensor = self.stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
            return stock

        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = _split_heads(attn, attn.to_q(hidden_states))
        key = _split_heads(attn, attn.to_k(context))
        value = _split_heads(attn, attn.to_v(_with_values(context, step, values)))
        attended = torch.cat(
            [
                self._edit(step, index, Heads(query=query[rows], key=key[rows], value=value[rows])).output()
                for index, (_, rows) in enumerate(step.slices())
            ]
        )
        merged = attended.transpose(1, 2).flatten(2).to(hidden_states.dtype)
        projected: Tensor = attn.to_out[1](attn.to_out[0](merged))
        return projected / attn.rescale_output_factor

    def _edit(self, step: Step, index: int, heads: Heads) -> Heads:
        branch = step.branches[index]
        if self.control.wants(self.site, step, branch):
            return self.control.edit(self.site, step, branch, heads)
        return heads


@contextmanager
def controlled(unet: Any, control: AttentionControl) -> Iterator[None]:
    """Put every attention layer under a control; its own processors come back, whatever happens."""
    stock = dict(unet.attn_processors)
    mine = {site.name: ControlledProcessor(site, control, stock[site.name]) for site in sites_of(unet)}
    unet.set_attn_processor({**stock, **mine})
    try:
        yield
    finally:
        unet.set_attn_processor(dict(stock))


def _split_heads(attn: Any, projected: Tensor) -> Tensor:
    return projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)


def _with_values(context: Tensor, step: Step, values: Tensor | None) -> Tensor:
    if values is None:
        return context
    return torch.cat([values if branch.name == "cond" else context[rows] for branch, rows in step.slices()])
