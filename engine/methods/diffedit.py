"""DiffEdit: sampling under the mask of where two prompts predict different noise."""

from __future__ import annotations

from dataclasses import replace

from engine.methods.base import Method, guided, last_steps
from engine.plan import EditPlan, Setting
from parameters import DiffEdit


class DiffEditMethod(Method):
    """Guided sampling from the inverted latent of level `strength` N, under the mask of `engine.noise_mask`.

    Where the mask is closed, the source's stored latent of the level that a step arrives at is pasted
    (Couairon et al. 2023, https://arxiv.org/abs/2210.11427, section 3).
    """

    params = DiffEdit

    def plan(self, setting: Setting[DiffEdit]) -> EditPlan:
        first = last_steps(setting.record.steps, setting.params.strength or 0.0)
        return replace(guided(setting), first=first, follows="path")
