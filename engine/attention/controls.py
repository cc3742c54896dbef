"""Controls: edits of attention and features inside a denoiser, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from engine.attention.heads import Heads, Term
from engine.attention.site import Site, Sites
from engine.attention.step import Branch, Control, Step
from engine.window import Window


@dataclass(frozen=True)
class Chain(Control):
    """Several controls, each working on what the one before it left."""

    controls: Sequence[Control] = ()

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return any(control.wants(site, step, branch) for control in self.controls)

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        for control in self.controls:
            if control.wants(site, step, branch):
                heads = control.attend(site, step, branch, heads)
        return heads

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        for control in self.controls:
            if control.wants(site, step, branch):
                features = control.feature(site, step, branch, features, source)
        return features


@dataclass(frozen=True, kw_only=True)
class SelfReplace(Control):
    """Self-attention looks where the source looks: softmax(Q_source K_source) V, at some sites and branches.

    The source's map without ever holding it. `branches` None is all of them.
    """

    window: Window
    sites: Sites
    branches: frozenset[str] | None = frozenset({"cond"})

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        here = self.branches is None or branch.name in self.branches
        return here and site in self.sites and step in self.window

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return heads if heads.source is None else replace(heads, edited=heads.source.terms)


@dataclass(frozen=True, kw_only=True)
class KeyValueReplace(Control):
    """Self-attention reads the source: softmax(Q K_source) V_source, in the layers of these names.

    In every branch, of the source's branch that it takes (Cao et al. 2023, section 4.1, mutual
    self-attention).
    """

    window: Window
    layers: frozenset[str]

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "self" and site.name in self.layers and step in self.window

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        if heads.source is None:
            return heads
        read = heads.source.hidden.expand(len(heads.hidden), -1, -1)
        terms = (Term(query=heads.query, key=heads.source.key),)
        return replace(heads, context=read, values=read, edited=terms)


@dataclass(frozen=True, kw_only=True)
class FeatureReplace(Control):
    """Features of resnets are the source's, at some sites, in every branch."""

    window: Window
    sites: Sites

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site in self.sites and step in self.window

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        return features if source is None else source.expand_as(features)


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossEdit(Control):
    """Rows attend to words as the source does, and words weigh more or less.

    A' = (g (A_source P) + (1 - g) A) w, for each target: `projection` P (targets, source tokens, tokens),
    `gates` g (steps, targets, tokens) in [0, 1], `weights` w (steps, targets, tokens), not renormalised
    (Hertz et al. 2022, https://arxiv.org/abs/2208.01626). No map is held, since this is linear in the maps:
    A' V = A_source (P (g w V)) + A ((1 - g) w V), less the term that is zero.
    """

    projection: Tensor
    gates: Tensor
    weights: Tensor

    @cached_property
    def _reweights(self) -> tuple[bool, ...]:
        return tuple((self.weights != 1).flatten(1).any(1).tolist())

    @cached_property
    def _takes(self) -> tuple[bool, ...]:
        return tuple(((self.gates * self.weights) != 0).flatten(1).any(1).tolist())

    @cached_property
    def _keeps(self) -> tuple[bool, ...]:
        return tuple((self.gates != 1).flatten(1).any(1).tolist())

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        acts = self._reweights[step.index] or self._takes[step.index]
        return site.kind == "cross" and branch.name == "cond" and acts

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        if heads.source is None:
            return heads
        gates, weights = self.gates[step.index], self.weights[step.index]
        taken = (gates * weights)[:, None, :, None]
        kept = ((1 - gates) * weights)[:, None, :, None]
        terms: list[Term] = []
        if self._takes[step.index]:
            terms += [term.folded(lambda value: self._carried(taken, value)) for term in heads.source.terms]
        if self._keeps[step.index] or not terms:
            terms += [term.folded(lambda value: (kept * value).to(value.dtype)) for term in heads.terms]
        return replace(heads, edited=tuple(terms))

    def _carried(self, taken: Tensor, value: Tensor) -> Tensor:
        return (self.projection[:, None] @ (taken * value.to(taken.dtype))).to(value.dtype)
