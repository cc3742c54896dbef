"""Checks that an edit, a record and a model fit together, before anything is computed."""

from __future__ import annotations

from engine.backbones import Backbone
from engine.errors import InvalidParameter, RecordMismatch
from engine.inverters import INVERTERS
from engine.plan import EditPlan, Setting
from engine.record import SourceRecord
from parameters import SEVERAL_BRANCHES, EditParameters, meet

_OF_WORDS = ("blend_words", "subtract_words", "attention", "attention_steps")


def check_match(model: Backbone, record: SourceRecord) -> None:
    """Raise RecordMismatch for a record of another model, UnknownMethod for one by a method that is gone."""
    if record.revision != model.revision:
        raise RecordMismatch("model", record.revision, model.revision)
    if record.dtype != model.dtype_name:
        raise RecordMismatch("dtype", record.dtype, model.dtype_name)
    INVERTERS.find(record.method)


def check_branches(model: Backbone, record: SourceRecord, plan: EditPlan) -> None:
    """A model without an unconditional branch runs the conditional one alone; raises `UnsupportedByModel`."""
    if _branches(record, plan) != {"cond"}:
        meet((SEVERAL_BRANCHES,), model.spec.name, model.offers)


def check_target_read(record: SourceRecord, plan: EditPlan, setting: Setting[EditParameters]) -> None:
    """Words are looked for in the branch "cond", so a method without one cannot confine an edit to any."""
    if "cond" not in _branches(record, plan):
        params = setting.params
        name = next(name for name in _OF_WORDS if getattr(params, name))
        expected = (
            f"nothing about words, since {params.name} has no branch 'cond' that reads the target prompt"
        )
        raise InvalidParameter(name, getattr(params, name), expected)


def _branches(record: SourceRecord, plan: EditPlan) -> frozenset[str]:
    steps = range(record.steps)
    return frozenset(name for index in steps for name in plan.guidance.branches(index, len(steps)))
