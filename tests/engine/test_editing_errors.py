"""What cannot be inverted or edited, and what can go wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine import Edit, Plain
from engine.errors import (
    InvalidImage,
    InvalidParameter,
    NumericalError,
    OutOfMemory,
    PentimentoError,
    RecordMismatch,
    UnknownMethod,
)
from engine.guidance import ClassifierFree
from engine.methods import guided
from engine.plan import EditPlan, Setting


def test_a_record_of_another_model_or_dtype_is_refused(
    model: engine.Backbone, deep: engine.Backbone, record: engine.SourceRecord, folder: Path
) -> None:
    with pytest.raises(RecordMismatch, match="model"):
        engine.edit(deep, record, Edit(prompt="a dog"))
    with pytest.raises(RecordMismatch, match="dtype"):
        engine.edit(engine.load(folder, dtype="bfloat16"), record, Edit(prompt="a dog"))


def test_a_record_of_an_inversion_that_is_not_installed_any_more_is_refused(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    orphan = replace(record, method="from-a-plug-in")
    with pytest.raises(UnknownMethod, match="from-a-plug-in"):
        engine.edit(model, orphan, Edit(prompt="a dog"))
    with pytest.raises(UnknownMethod, match="from-a-plug-in"):
        engine.reconstruct(model, orphan)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        *((UnknownMethod, {"method": method}) for method in ("magic", ["direct"], None)),
        *((InvalidParameter, {"params": params}) for params in ({"depth": 3}, {1: 2}, [1], [], "ab", 5)),
        *((InvalidParameter, {"prompt": prompt}) for prompt in (None, 5, ["a cat"], "a \ud800 cat")),
        (InvalidParameter, {"steps": 0}),
        (InvalidImage, {"image": None}),
    ],
    ids=ascii,
)
def test_odd_inversions_are_refused(
    model: engine.Backbone,
    image: Image.Image,
    network_rows: list[int],
    error: type[PentimentoError],
    asked: dict[str, Any],
) -> None:
    with pytest.raises(error):
        engine.invert(model, **{"image": image, "prompt": "a cat", **asked})

    assert network_rows == []


def test_nan_is_an_error(model: engine.Backbone, record: engine.SourceRecord) -> None:
    broken = replace(record, trajectory=record.trajectory * float("nan"))

    with pytest.raises(NumericalError, match="of edit"):
        engine.edit(model, broken, Edit(prompt="a dog on grass"))
    with pytest.raises(NumericalError, match="of reconstruct"):
        engine.reconstruct(model, replace(broken, method="ddim"))


def test_running_out_of_memory_is_an_error_of_ours(
    model: engine.Backbone, record: engine.SourceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("full")

    for owner, name in ((model.network, "forward"), (torch.Tensor, "to")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(OutOfMemory):
                engine.edit(model, record, Edit(prompt="a dog on grass"))
    engine.edit(model, record, Edit(prompt="a dog on grass"))


class Otherwise(ClassifierFree):
    """Guidance whose branches have names of their own."""

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return ("uncond",)


@pytest.mark.parametrize("asked", [{"blend_words": ["dog"]}, {"attention": True}, {"attention_steps": 2}])
def test_words_are_refused_where_no_branch_reads_the_target_under_its_name(
    model: engine.Backbone,
    record: engine.SourceRecord,
    network_rows: list[int],
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
) -> None:
    def plan(self: object, setting: Setting[Plain]) -> EditPlan:
        return replace(guided(setting), guidance=Otherwise(1.0), follows=None)

    monkeypatch.setattr(engine.methods.plain.PlainMethod, "plan", plan)
    with pytest.raises(InvalidParameter, match="plain has no branch 'cond'"):
        engine.edit(model, record, Edit(prompt="a dog on grass", method=Plain(**asked)))
    assert network_rows == []
