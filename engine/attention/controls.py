"""What may be changed inside an attention layer, as pure functions of what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from torch import Tensor

from engine.attention.heads import Heads, Term
from engine.attention.site import Site
from engine.attention.step import Branch, BranchName, Step
from engine.window import Window


class AttentionControl(Protocol):
    """Says where it wants to look in, and what is there instead; never writes in place.

    Where it wants to, the source is beside the rows if there is one in the run; which places it wants does
    not depend on that.
    """

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

    softmax(Q_source K_source) V, in one branch: the source's map, without ever holding it.
    """

    window: Window
    factor: int
    branch: BranchName = "cond"

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        coarse = site.kind == "self" and site.factor >= self.factor
        return coarse and branch.name == self.branch and step in self.window

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return heads if heads.source is None else replace(heads, edited=heads.source.terms)


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossEdit:
    """Rows attend to words as the source does, and words weigh more or less.

    A' = (g (A_source P) + (1 - g) A) w, for each target: `projection` P (targets, source tokens, tokens),
    `gates` g (steps, targets, tokens) in [0, 1], `weights` w (targets, tokens), not renormalised (Hertz et
    al. 2022, https://arxiv.org/abs/2208.01626). No map is held, since this is linear in the maps:
    A' V = A_source (P (g w V)) + A ((1 - g) w V), less the term that is zero.
    """

    projection: Tensor
    gates: Tensor
    weights: Tensor

    @cached_property
    def _reweights(self) -> bool:
        return bool((self.weights != 1).any())

    @cached_property
    def _takes(self) -> tuple[bool, ...]:
        return tuple(((self.gates * self.weights) != 0).flatten(1).any(1).tolist())

    @cached_property
    def _keeps(self) -> tuple[bool, ...]:
        return tuple((self.gates != 1).flatten(1).any(1).tolist())

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        acts = self._reweights or self._takes[step.index]
        return site.kind == "cross" and branch.name == "cond" and acts

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        if heads.source is None:
            return heads
        gates = self.gates[step.index]
        taken = (gates * self.weights)[:, None, :, None]
        kept = ((1 - gates) * self.weights)[:, None, :, None]
        terms: list[Term] = []
        if self._takes[step.index]:
            terms += [term.folded(lambda value: self._carried(taken, value)) for term in heads.source.terms]
        if self._keeps[step.index] or not terms:
            terms += [term.folded(lambda value: (kept * value).to(value.dtype)) for term in heads.terms]
        return replace(heads, edited=tuple(terms))

    def _carried(self, taken: Tensor, value: Tensor) -> Tensor:
        return (self.projection[:, None] @ (taken * value.to(taken.dtype))).to(value.dtype)
