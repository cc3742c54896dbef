"""What may be changed inside an attention layer, as pure functions of what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.attention.site import Site
from engine.attention.step import Branch, Step
from engine.window import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Heads:
    """The rows of one branch inside one layer, before the output projection.

    `query` (rows, heads, queries, width); `key` and `value` (rows, heads, keys, width). `edited`
    (rows, heads, queries, keys), once a control has set it, is used in place of softmax(QK).
    """

    query: Tensor
    key: Tensor
    value: Tensor
    edited: Tensor | None = None

    @cached_property
    def probs(self) -> Tensor:
        """Attention probabilities in float32, (rows, heads, queries, keys); computed when first asked for."""
        if self.edited is not None:
            return self.edited
        scores = self.query.float() @ self.key.float().transpose(-1, -2)
        return (scores * self.query.shape[-1] ** -0.5).softmax(-1)

    def output(self) -> Tensor:
        """The attended values, (rows, heads, queries, width)."""
        if self.edited is None:
            return F.scaled_dot_product_attention(self.query, self.key, self.value)
        return self.edited.to(self.value.dtype) @ self.value


class AttentionControl(Protocol):
    """Says where it wants to look in, and what is there instead; never writes in place."""

    def wants(self, site: Site, step: Step, branch: Branch) -> bool: ...

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads: ...


class Chain:
    """Several controls, each working on what the one before it left."""

    def __init__(self, controls: Sequence[AttentionControl] = ()) -> None:
        self.controls = tuple(controls)

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return any(control.wants(site, step, branch) for control in self.controls)

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        for control in self.controls:
            if control.wants(site, step, branch):
                heads = control.edit(site, step, branch, heads)
        return heads


@dataclass(frozen=True, kw_only=True)
class SelfReplace:
    """Every row looks where the source looks, in layers at least `factor` coarser than the latent.

    softmax(Q_source K_source) V: the source's map, without ever holding it.
    """

    window: Window
    factor: int

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return (
            site.kind == "self"
            and site.factor >= self.factor
            and branch.name == "cond"
            and branch.has_source
            and step in self.window
        )

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return replace(
            heads,
            query=heads.query[:1].expand_as(heads.query),
            key=heads.key[:1].expand_as(heads.key),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossEdit:
    """Target rows attend to words as the source does, and words weigh more or less.

    A = (g (A_source P) + (1 - g) A_target) w, for each target: `projection` P (targets, source tokens,
    tokens), `gates` g (steps, targets, tokens) in [0, 1], `weights` w (targets, tokens), not renormalised
    (Hertz et al. 2022, https://arxiv.org/abs/2208.01626).
    """

    projection: Tensor
    gates: Tensor
    weights: Tensor

    @cached_property
    def _acts(self) -> tuple[bool, ...]:
        reweights = bool((self.weights != 1).any())
        return tuple(reweights or bool(gates.any()) for gates in self.gates)

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and branch.name == "cond" and branch.has_source and self._acts[step.index]

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        source, own = heads.probs[:1], heads.probs[1:]
        taken = source @ self.projection[:, None]
        gates = self.gates[step.index, :, None, None]
        edited = (gates * taken + (1 - gates) * own) * self.weights[:, None, None]
        return replace(heads, edited=torch.cat([source, edited]))
