"""The bridge between diffusers' attention layers and the controls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.attention.controls import AttentionControl
from engine.attention.heads import Heads
from engine.attention.site import Site, sites_of
from engine.attention.step import Branch, Step


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
        if step is not None and step.record is not None:
            step.record(self.site, hidden_states)
        values = step.values if step is not None and self.site.kind == "cross" else None
        wanted = step is not None and any(self._wants(step, branch) for branch in step.branches)
        if step is None or not (wanted or values is not None):
            stock: Tensor = self.stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
            return stock

        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        outputs: list[Tensor] = []
        for branch, rows in step.slices():
            own = values if values is not None and branch.name == "cond" else context[rows]
            heads = Heads(attn=attn, hidden=hidden_states[rows], context=context[rows], values=own)
            outputs.append(self._edited(step, branch, heads).output())
        merged = torch.cat(outputs).transpose(1, 2).flatten(2).to(hidden_states.dtype)
        projected: Tensor = attn.to_out[1](attn.to_out[0](merged))
        return projected / attn.rescale_output_factor

    def _wants(self, step: Step, branch: Branch) -> bool:
        return step.record is None and self.control.wants(self.site, step, branch)

    def _edited(self, step: Step, branch: Branch, heads: Heads) -> Heads:
        if not self._wants(step, branch):
            return heads
        beside = replace(heads, source=self._source(heads.attn, step, branch))
        return self.control.edit(self.site, step, branch, beside)

    def _source(self, attn: Any, step: Step, branch: Branch) -> Heads | None:
        features = step.source.features.get(branch.name) if step.source else None
        if features is None:
            return None
        hidden = features.hidden[self.site.name]
        context = features.context if self.site.kind == "cross" else hidden
        values = features.values if self.site.kind == "cross" and features.values is not None else context
        return Heads(attn=attn, hidden=hidden, context=context, values=values)


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
