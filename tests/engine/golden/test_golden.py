"""The engine gives the results it gave before, at parameters given in full.

Recorded by ``python -m tests.engine.golden.record``.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from PIL import Image
from torch import Tensor

import engine
from tests.engine.golden.cases import CASES, Case, inverted, of_edit, of_record, stored, weights


@pytest.fixture(scope="module")
def miniature() -> engine.Backbone:
    return engine.load("miniature")


@pytest.fixture(scope="module", params=list(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def golden(name: str) -> dict[str, Tensor]:
    values, metadata = stored(name)
    assert metadata["weights"] == weights(), "the miniature's weights are new: record the values again"
    return values


@pytest.fixture(scope="module")
def record(miniature: engine.Backbone, name: str, golden: dict[str, Tensor]) -> engine.SourceRecord:
    return inverted(miniature, CASES[name], Image.fromarray(golden["input"].numpy()))


def test_inversions(
    miniature: engine.Backbone, name: str, golden: dict[str, Tensor], record: engine.SourceRecord
) -> None:
    wanted = {part: golden[part] for part in ("trajectory", "reconstruction")}
    agree(of_record(miniature, record), wanted, CASES[name])


@pytest.mark.parametrize("index", range(2))
def test_edits(
    miniature: engine.Backbone, name: str, golden: dict[str, Tensor], record: engine.SourceRecord, index: int
) -> None:
    edit, asked = list(CASES[name].edits.items())[index]
    wanted = {
        part.removeprefix(f"{edit}."): value for part, value in golden.items() if part.startswith(f"{edit}.")
    }
    agree(of_edit(miniature, record, asked), wanted, CASES[name])


def test_every_inverter_of_the_first_version_is_there_with_either_method() -> None:
    pairs = {(case.inverter, type(edit.method)) for case in CASES.values() for edit in case.edits.values()}
    inverters = {"ddim", "direct", "stylediffusion", "stylediffusion-faithful"}
    assert pairs == {(inverter, method) for inverter in inverters for method in (engine.P2P, engine.P2Plus)}


def agree(found: dict[str, Tensor], wanted: dict[str, Tensor], case: Case) -> None:
    assert found.keys() == wanted.keys()
    for part, value in wanted.items():
        tolerance = case.latents if value.is_floating_point() else case.pictures
        where = partial("{}: {}".format, part)
        torch.testing.assert_close(found[part].float(), value.float(), rtol=0, atol=tolerance, msg=where)
