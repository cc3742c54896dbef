"""The bridge between diffusers' layers and the controls and observers of a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import torch
from torch import Tensor

from engine.attention.heads import Heads
from engine.attention.site import Site
from engine.attention.step import Branch, Features, Observer, Step, slices

_ONE_CALL = RLock()


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlledProcessor:
    """Runs one attention layer as `stock` does, unless a step edits it there or brings its own values."""

    site: Site
    stock: Any
    steps: Sequence[Step]

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        parts: list[Heads] = []
        for step, branch, rows in slices(self.steps):
            read = context[rows]
            values = branch.values if self.site.kind == "cross" and branch.values is not None else read
            heads = Heads(attn=attn, hidden=hidden_states[rows], context=read, values=values)
            parts.append(self._seen(step, branch, heads))
        own_values = self.site.kind == "cross" and _any_values(self.steps)
        if not (own_values or any(heads.projected or heads.edited is not None for heads in parts)):
            stock: Tensor = self.stock(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
            return stock
        merged = torch.cat([heads.output() for heads in parts]).transpose(1, 2).flatten(2)
        projected: Tensor = attn.to_out[1](attn.to_out[0](merged.to(hidden_states.dtype)))
        return projected / attn.rescale_output_factor

    def _seen(self, step: Step, branch: Branch, heads: Heads) -> Heads:
        """The heads after the step's observers and its control."""
        looking = _looking(self.site, step, branch)
        edits = step.control.wants(self.site, step, branch)
        if not (looking or edits):
            return heads
        sources = {
            name: self._source(heads.attn, step, name)
            for name in {branch.takes, *(_beside(observer, branch) for observer in looking)}
        }
        heads = replace(heads, source=sources[branch.takes])
        for observer in looking:
            observer.heads(self.site, step, branch, _with(heads, sources[_beside(observer, branch)]))
        if edits:
            heads = step.control.attend(self.site, step, branch, heads)
        for observer in looking:
            observer.edited(self.site, step, branch, _with(heads, sources[_beside(observer, branch)]))
        return heads

    def _source(self, attn: Any, step: Step, beside: str) -> Heads | None:
        features = _features_of(self.site, step, beside)
        if features is None:
            return None
        hidden = features.hidden[self.site.name]
        context = features.context if self.site.kind == "cross" else hidden
        values = features.values if self.site.kind == "cross" and features.values is not None else context
        return Heads(attn=attn, hidden=hidden, context=context, values=values)


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureHook:
    """A forward hook that edits what leaves a resnet's second convolution, before its residual is added."""

    site: Site
    steps: Sequence[Step]

    def __call__(self, module: Any, inputs: Any, output: Tensor) -> Tensor:
        parts: list[Tensor] = []
        for step, branch, rows in slices(self.steps):
            features = output[rows]
            for observer in _looking(self.site, step, branch):
                source = self._source(step, _beside(observer, branch))
                observer.features(self.site, step, branch, features, source)
            source = self._source(step, branch.takes)
            if step.control.wants(self.site, step, branch):
                features = step.control.feature(self.site, step, branch, features, source)
            parts.append(features)
        return torch.cat(parts)

    def _source(self, step: Step, beside: str) -> Tensor | None:
        seen = _features_of(self.site, step, beside)
        return None if seen is None else seen.hidden[self.site.name]


@contextmanager
def controlled(modules: Mapping[Site, Any], steps: Sequence[Step]) -> Iterator[None]:
    """For one call of a network, put the steps' controls and observers into the modules they want.

    `modules` are the network's by site: an attention layer, or the convolution whose output are a resnet's
    features. All are left as they were, whatever happens. One call runs at a time: a second thread that
    put its own in meanwhile would take the first one's for the stock ones, and leave them there for ever.
    """
    with _ONE_CALL, ExitStack() as stack:
        for site, module in modules.items():
            if not _wanted(site, steps):
                continue
            if site.kind == "feature":
                stack.callback(module.register_forward_hook(FeatureHook(site=site, steps=steps)).remove)
            else:
                stack.callback(setattr, module, "processor", module.processor)
                module.processor = ControlledProcessor(site=site, stock=module.processor, steps=steps)
        yield


def wanted_of_source(sites: Sequence[Site], step: Step) -> dict[str, frozenset[str]]:
    """The names of the sites that a step wants to look into of the source, by the source's branch."""
    wanted: dict[str, frozenset[str]] = {}
    for branch in step.branches:
        wanted.setdefault(branch.takes, frozenset())
        for site in sites:
            looking = {_beside(observer, branch) for observer in _looking(site, step, branch)}
            for name in looking | ({branch.takes} if step.control.wants(site, step, branch) else set()):
                wanted[name] = wanted.get(name, frozenset()) | {site.name}
    return wanted


def _wanted(site: Site, steps: Sequence[Step]) -> bool:
    if site.kind == "cross" and _any_values(steps):
        return True
    return any(
        step.control.wants(site, step, branch) or _looking(site, step, branch)
        for step in steps
        for branch in step.branches
    )


def _any_values(steps: Sequence[Step]) -> bool:
    return any(branch.values is not None for step in steps for branch in step.branches)


def _looking(site: Site, step: Step, branch: Branch) -> list[Observer]:
    return [observer for observer in step.observers if observer.looks(site, step, branch)]


def _beside(observer: Observer, branch: Branch) -> str:
    return observer.beside or branch.takes


def _with(heads: Heads, source: Heads | None) -> Heads:
    return heads if heads.source is source else replace(heads, source=source)


def _features_of(site: Site, step: Step, beside: str) -> Features | None:
    features = step.source.features.get(beside) if step.source else None
    return features if features is not None and site.name in features.hidden else None
