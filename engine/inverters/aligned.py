"""DDIM inversion whose edits feed the network what the inversion fed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.attention import Branch, Sites, Step
from engine.backbones import Backbone
from engine.inverters.base import Inversion, Inverter, Source
from engine.inverters.ddim import trajectory
from engine.learned import Learned
from engine.noise import Call
from engine.progress import OnProgress
from engine.record import SourceRecord
from engine.schedule import Schedule
from engine.source import look_into
from parameters import Aligned


class AlignedInverter(Inverter):
    """An edit moves z_t by what the network predicts for z_t + (z*_(t-1) - z*_t) at timestep t (DirectEdit).

    z* is the trajectory of DDIM inversion, whose step to level t predicted at z*_(t-1) and timestep t too. So
    the source retraces it exactly, by calls that the inversion made: what Prompt-to-Prompt takes of the
    source's conditional branch is kept while inverting, as far as there is room.
    """

    params = Aligned

    @torch.no_grad()
    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Any, on_progress: OnProgress
    ) -> Inversion:
        branch = Branch(name="cond", rows=(0,), conditioning=source.text)
        kinds = Sites(kind="cross"), Sites(kind="self", factor=model.spec.self_factor)
        sites = frozenset(site.name for site in model.sites if any(site in kind for kind in kinds))
        index_of = {call: index for index, call in enumerate(reversed(schedule.inversion()))}

        def predict(x: Tensor, call: Call) -> Tensor:
            if source.walk is None:
                return model.predict(x, call.shown, source.text)
            step = Step(index=index_of[call], total=len(schedule), branches=(branch,))
            held, hidden = look_into(model, x, call.shown, step, sites)
            source.walk.keep(step.index, branch, hidden)
            return held

        return Inversion(trajectory=trajectory(source.latent, schedule, predict, on_progress))

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return AlignedInputs(path=record.trajectory.flip(0).to(model.device))


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedInputs(Learned):
    """The network's inputs in an edit: z_t + (z*_(t-1) - z*_t), which for the source is z*_(t-1).

    `path` (N+1, C, h, w) is z*, the noisiest latent first.
    """

    path: Tensor

    def shift(self, index: int, branch: str) -> Tensor | None:
        return self.path[index + 1 : index + 2] - self.path[index : index + 1]

    def source_input(self, index: int) -> Tensor | None:
        return self.path[index + 1 : index + 2]
