"""Prompt-to-Prompt, and P2Plus, which also acts in the unconditional branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine import alignment
from engine.alignment import Alignment, Tokens
from engine.attention import Chain, CrossEdit, SelfReplace, Sites
from engine.methods.base import Method, guided
from engine.plan import EditPlan, Setting
from engine.window import Window
from parameters import P2P, P2Plus
from parameters.fields import DEFAULT


class PromptToPrompt(Method):
    """Edit by the source's attention (Hertz et al. 2022, https://arxiv.org/abs/2208.01626)."""

    params = P2P

    def plan(self, setting: Setting[P2P]) -> EditPlan:
        """Resolve every word and window, against all targets of the edit, for those to paint."""
        params, model, painted = setting.params, setting.model, setting.edit.painted
        source, targets = setting.source, setting.targets
        aligned = [_aligned(params, source, target) for target in targets]
        # The authors measure cross-attention windows by noise levels, of which there is one more than steps.
        windows = _windows(params, targets, setting.record.steps + 1)[: setting.record.steps]
        gates = windows * torch.stack([one.inherited for one in aligned])
        cross = CrossEdit(
            projection=torch.stack([one.projection for one in aligned])[painted].to(model.device),
            gates=gates[:, painted].to(model.device),
            weights=_weights(params, targets, windows)[:, painted].to(model.device),
        )
        return replace(
            guided(setting),
            control=Chain((_held(setting, params.tau_s or 0.0, "cond"), cross)),
            value_prompt=None if params.value_prompt is None else model.tokens(params.value_prompt),
            tau_v=Window.of(params.tau_v),
        )


class PromptToPromptPlus(PromptToPrompt):
    """Prompt-to-Prompt that holds on to the source in the unconditional branch too (StyleDiffusion).

    While in `tau_u`, A_self(u_target) := A_self(u_source) in the layers where `tau_s` acts; unconditional
    cross-attention is untouched. Li et al. 2023, https://arxiv.org/abs/2303.15649.
    """

    params = P2Plus

    def plan(self, setting: Setting[P2Plus]) -> EditPlan:  # type: ignore[override]
        plan = super().plan(setting)
        return replace(plan, control=Chain((_held(setting, setting.params.tau_u, "uncond"), plan.control)))


def _held(setting: Setting[P2P], window: float | Sequence[float], branch: str) -> SelfReplace:
    return SelfReplace(
        window=Window.of(window),
        sites=Sites(kind="self", factor=setting.model.spec.self_factor),
        branches=frozenset({branch}),
    )


def _aligned(params: P2P, source: Tokens, target: Tokens) -> Alignment:
    if params.edit == "replace" or (params.edit == "auto" and alignment.is_word_swap(source, target)):
        return alignment.replace(source, target)
    return alignment.refine(source, target, params.padding or "end")


def _windows(params: P2P, targets: Sequence[Tokens], total: int) -> Tensor:
    """1 where a target token is in its window of cross-attention, (total, targets, tokens)."""
    by_word = params.tau_c if isinstance(params.tau_c, Mapping) else {DEFAULT: params.tau_c or 0.0}
    inside = torch.zeros(total, len(targets), len(targets[0].ids))
    default = Window.of(by_word.get(DEFAULT, 0.0)).steps(total)
    inside[default.start : default.stop] = 1
    for word, bounds in by_word.items():
        if word == DEFAULT:
            continue
        steps = Window.of(bounds).steps(total)
        for row, target in enumerate(targets):
            at = target.occurrences(word)
            inside[:, row, at] = 0
            inside[steps.start : steps.stop, row, at] = 1
    return inside


def _weights(params: P2P, targets: Sequence[Tokens], windows: Tensor) -> Tensor:
    """Factors on the attention to target tokens, (steps, targets, tokens)."""
    weights = torch.ones_like(windows)
    steps = len(windows)
    for word, factor in params.reweight.items():
        for row, target in enumerate(targets):
            at = target.occurrences(word)
            weights[:, row, at] = float(factor)
    if params.reweight_window == "tau_c":
        return torch.where(windows > 0, weights, 1.0)
    inside = Window.of(params.reweight_window).steps(steps)
    weights[: inside.start] = 1
    weights[inside.stop :] = 1
    return weights
