"""Prompt interpolation: between what an inversion learned to read and the target prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.inverters import INVERTERS
from engine.lane import Lane
from engine.learned import Learned
from engine.methods.base import Method, guided, lane_of
from engine.plan import EditPlan, Setting
from engine.record import SourceRecord
from parameters import PromptInterpolation


class PromptInterpolationMethod(Method):
    """Guidance towards eta c_target + (1 - eta) c_t, with the c_t that Prompt Tuning learned for every step.

    No attention is edited. Dong et al. 2023, https://arxiv.org/abs/2305.04441, section 3.3.
    """

    params = PromptInterpolation

    def plan(self, setting: Setting[PromptInterpolation]) -> EditPlan:
        plan = replace(guided(setting), follows=None)
        return InterpolationPlan(**vars(plan), eta=setting.params.eta)

    def begin(self, plan: EditPlan, model: Backbone, record: SourceRecord) -> Lane:
        assert isinstance(plan, InterpolationPlan)
        interpolated = Interpolated(
            source=INVERTERS[record.method].learned_of_source(model, record),
            text=model.read(record.prompt, record.size),
            eta=plan.eta,
        )
        return replace(lane_of(plan, model, record), learned=interpolated)


@dataclass(frozen=True, kw_only=True)
class InterpolationPlan(EditPlan):
    """A plan whose conditional branch reads `eta` of the target and 1 - `eta` of what was learned."""

    eta: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Interpolated(Learned):
    """The conditional branch reads eta of the target and 1 - eta of the source's learned embedding.

    `text` is the source prompt, of one row, in whose place the `source` reads what was learned.
    """

    source: Learned
    text: Conditioning
    eta: float

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        if branch != "cond":
            return given
        learned = self.source.conditioning(index, branch, self.text)
        return given.mix(learned.rows([0] * len(given)), self.eta)
