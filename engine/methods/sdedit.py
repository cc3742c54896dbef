"""SDEdit: noise over the picture, and the target prompt from there."""

from __future__ import annotations

from dataclasses import replace

from engine.backbones import Backbone
from engine.lane import Lane
from engine.learned import Learned
from engine.methods.base import Method, guided, lane_of, last_steps
from engine.noise import noised, seeded_noise
from engine.plan import EditPlan, Setting
from engine.record import SourceRecord
from parameters import SDEdit


class SDEditMethod(Method):
    """Sample the targets from a z_0 + s n at the level that `strength` names (Meng et al. 2022).

    n is drawn by the edit's seed and the same for all targets, and for the source beside them where a mask
    needs it. Of the record nothing but z_0 is read, so every inversion gives the same picture.
    https://arxiv.org/abs/2108.01073
    """

    params = SDEdit

    def plan(self, setting: Setting[SDEdit]) -> EditPlan:
        first = last_steps(setting.record.steps, setting.params.strength or 0.0)
        return replace(guided(setting), first=first, follows="noised")

    def begin(self, plan: EditPlan, model: Backbone, record: SourceRecord) -> Lane:
        latent = record.trajectory[:1].to(model.device)
        noise = seeded_noise(tuple(latent.shape), plan.seed, model.device)
        level = model.schedule(record.steps, record.size).denoising()[plan.first].at
        lane = lane_of(plan, model, record, start=noised(latent, noise, level))
        return replace(lane, learned=Learned())
