"""Plug-and-Play: the source's decoder features and self-attention under a new prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp
from typing import Literal

from torch import Tensor

from engine.attention import Chain, FeatureReplace, SelfReplace, Sites
from engine.feature_pictures import FeatureMaps
from engine.methods.base import Method, guided
from engine.plan import EditPlan, Setting
from engine.window import Window
from parameters import PlugAndPlay

FEATURES = Sites(kind="feature", stage="up", at=4 / 12)
"""Decoder layer 4 of Stable Diffusion's 12."""
ATTENTION = Sites(kind="self", stage="up", first=1 / 9)
"""Decoder layers 4 to 11: all but the first of its nine self-attention layers."""

_SHOWN = 4
"""How many steps the pictures of features show, from the first to the last."""


class PlugAndPlayMethod(Method):
    """Features of decoder layer 4 until tau_f, self-attention of layers 4 to 11 until tau_a, in all branches.

    They are the source's under the empty prompt, on its inverted latents. The unconditional prediction is a
    mix of the empty prompt's and a negative prompt's, by default the source prompt.

    Tumanyan et al. 2023, https://arxiv.org/abs/2211.12572, section 4, and the authors' code.
    """

    params = PlugAndPlay

    def plan(self, setting: Setting[PlugAndPlay]) -> EditPlan:
        params, model = setting.params, setting.model
        negative = setting.edit.negative_prompt
        steps = setting.record.steps
        shown = frozenset(round((steps - 1) * part / (_SHOWN - 1)) for part in range(_SHOWN))
        looking = FeatureMaps(
            sites=(
                Sites(kind="feature", stage="up"),
                Sites(kind="self", stage="up", factor=model.spec.self_factor),
            ),
            steps=shown,
            size=setting.record.size,
        )
        return replace(
            guided(setting),
            guidance=NegativePrompt(
                scale=setting.guidance_scale,
                alpha=params.negative_prompt_alpha,
                schedule=params.negative_prompt_schedule,
            ),
            reads={"uncond": "", "negative": setting.record.prompt if negative is None else negative},
            takes={"negative": "uncond", "cond": "uncond"},
            control=Chain(
                (
                    FeatureReplace(window=Window.of(params.tau_f), sites=FEATURES),
                    SelfReplace(window=Window.of(params.tau_a), sites=ATTENTION, branches=None),
                )
            ),
            observers=(looking,) if params.features else (),
            follows="path",
        )


@dataclass(frozen=True, kw_only=True)
class NegativePrompt:
    """Classifier-free guidance away from a mix of the empty prompt and a negative one.

    eps_u = alpha_i eps_empty + (1 - alpha_i) eps_negative; alpha_i goes from alpha to 0 over the run, or
    stays. Branches that weigh nothing do not run.
    """

    scale: float
    alpha: float
    schedule: Literal["linear", "constant", "exponential"]

    def share(self, index: int, total: int) -> float:
        """alpha_i: the empty prompt's share in step `index`."""
        progress = index / max(total - 1, 1)
        match self.schedule:
            case "linear":
                return self.alpha * (1 - progress)
            case "exponential":
                return self.alpha * exp(-6 * progress)
        return self.alpha

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        if self.scale == 1:
            return ("cond",)
        share = self.share(index, total)
        mixed = [name for name, weight in (("negative", 1 - share), ("uncond", share)) if weight]
        return (*mixed, "cond")

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        cond, share = predictions["cond"], self.share(index, total)
        if self.scale == 1:
            return cond
        empty, negative = predictions.get("uncond"), predictions.get("negative")
        if empty is None or negative is None:
            away = negative if empty is None else empty
        else:
            away = share * empty + (1 - share) * negative
        assert away is not None
        return away + self.scale * (cond - away)
