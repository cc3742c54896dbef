"""The port that hides a way to edit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.inverters import INVERTERS
from engine.lane import Lane
from engine.plan import EditPlan, Setting
from engine.record import SourceRecord
from engine.value_inputs import WindowedValues, carried
from engine.window import Window
from parameters import EditParameters


class Method(ABC):
    """One way to edit; `params` are the parameters that select it.

    `plan` does no work on the device; `begin` may. The branch that reads the target prompt is named "cond":
    masks of words and pictures of attention look there. No method deals with masks itself.
    """

    params: ClassVar[type[EditParameters]]

    @abstractmethod
    def plan(self, setting: Setting[Any]) -> EditPlan:
        """Resolve an edit against a record.

        Raises:
            PentimentoError: whatever is wrong with it.
        """

    def begin(self, plan: EditPlan, model: Backbone, record: SourceRecord) -> Lane:
        """The lane of the targets, from the record's noise, reading the prompts of the plan."""
        return lane_of(plan, model, record)


def guided(setting: Setting[Any]) -> EditPlan:
    """The plan of guidance alone."""
    return EditPlan(
        source=setting.source,
        targets=tuple(setting.targets[setting.edit.painted]),
        guidance=setting.model.guidance(setting.guidance_scale),
        guidance_scale=setting.guidance_scale,
        reads=setting.reads,
        seed=setting.edit.seed,
    )


def lane_of(plan: EditPlan, model: Backbone, record: SourceRecord, *, start: Tensor | None = None) -> Lane:
    """A plan's targets as a lane that starts from a latent (1, C, h, w), by default the record's of the first
    level.
    """
    size = record.size
    cond = Conditioning.cat([model.read(target.prompt, size) for target in plan.targets])
    rows = len(plan.targets)
    others = {name: model.read(prompt, size).rows([0] * rows) for name, prompt in plan.reads.items()}
    learned = INVERTERS[record.method].learned(model, record)
    context = None
    if plan.value_prompt is not None:
        read = model.read(plan.value_prompt.prompt, size).context
        context = torch.cat([carried(plan.value_prompt, read, target) for target in plan.targets])
    if start is None:
        start = record.trajectory[record.steps - plan.first][None].to(model.device)
    return Lane(
        start=start.expand(rows, -1, -1, -1),
        calls=model.schedule(record.steps, size).denoising(),
        first=plan.first,
        guidance=plan.guidance,
        conditionings={
            name: model.guided(read, plan.guidance_scale) for name, read in {"cond": cond, **others}.items()
        },
        takes=plan.takes,
        control=plan.control,
        observers=plan.observers,
        learned=WindowedValues(learned=learned, window=plan.tau_v, total=record.steps, context=context),
    )


def last_steps(steps: int, fraction: float) -> int:
    """The first of the last int(`steps` `fraction`) steps of a run; one step is run at least."""
    return steps - max(Window(0.0, fraction).steps(steps).stop, 1)
