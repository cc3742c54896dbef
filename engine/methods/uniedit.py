"""Uni-Edit: few steps along what two prompts differ in, where they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from engine.methods.base import Method, guided, last_steps
from engine.plan import EditPlan, Setting
from engine.window import Window
from parameters import UniEdit


class UniEditMethod(Method):
    """The last `alpha` of the steps from the record's latent of that level, by `RegionGuidance`.

    In place of classifier-free guidance, both prompts are read at the target's latent: two rows a step,
    18 in all of the published 15 steps. Jiao et al. 2025, https://arxiv.org/abs/2504.13109, algorithm 2.
    """

    params = UniEdit

    def plan(self, setting: Setting[UniEdit]) -> EditPlan:
        params = setting.params
        return replace(
            guided(setting),
            guidance=RegionGuidance(omega=params.omega or 0.0),
            reads={"source": setting.record.prompt},
            first=last_steps(setting.record.steps, params.alpha or 0.0),
            tau_v=Window(0.0, 0.0),
            follows=None,
        )


@dataclass(frozen=True, kw_only=True)
class RegionGuidance:
    """m p_target + (1 - m) p_source + omega (1 + m) g, with g = p_target - p_source.

    m, from 0 to 1, is the mean of |g| over channels, scaled between its least and its greatest value in each
    picture, as in the authors' code for FLUX. Their code for diffusers takes g itself, which on the miniature
    kept half a decibel less of the rest of the picture and recognised no more edits.
    """

    omega: float

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return ("source", "cond")

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        source, target = predictions["source"], predictions["cond"]
        difference = target - source
        region = difference.abs().mean(1, keepdim=True)
        least, most = region.amin((1, 2, 3), keepdim=True), region.amax((1, 2, 3), keepdim=True)
        region = (region - least) / (most - least + 1e-7)
        fused = region * target + (1 - region) * source
        return fused + self.omega * (1 + region) * difference
