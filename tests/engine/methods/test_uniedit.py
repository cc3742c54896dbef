"""Uni-Inv and Uni-Edit on random networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine import Edit, UniEdit
from engine.errors import InvalidParameter
from engine.methods.uniedit import RegionGuidance
from parameters import EDITS, build


@pytest.fixture(scope="module")
def inverted(model: engine.Backbone, image: Image.Image) -> engine.SourceRecord:
    return engine.invert(model, image, prompt="a cat on grass", method="uni-inv", steps=15)


def test_as_published_it_takes_18_rows(
    model: engine.Backbone, inverted: engine.SourceRecord, network_rows: list[int]
) -> None:
    engine.edit(model, inverted, Edit(prompt="a dog on grass", method=UniEdit()))

    assert network_rows == [2] * 9


def test_uni_inv_takes_a_row_more_than_there_are_steps(
    model: engine.Backbone, image: Image.Image, network_rows: list[int]
) -> None:
    record = engine.invert(model, image, prompt="a cat on grass", method="uni-inv", steps=4)

    assert network_rows == [1] * 5
    assert len(record.trajectory) == 5


def test_where_the_prompts_differ_most_the_target_is_followed_and_where_least_the_source() -> None:
    source = torch.zeros(2, 3, 2, 2)
    target = torch.stack([torch.tensor([[0.0, 1.0], [2.0, -4.0]])] * 3).expand(2, 3, 2, 2).clone()
    target[1] *= 10
    guided = RegionGuidance(omega=2.0).combine({"source": source, "cond": target}, 0, 1)

    expected = torch.tensor([[0.0, 0.25 + 2 * 1.25], [0.5 * 2 + 2 * 1.5 * 2, -4 - 2 * 2 * 4]])
    torch.testing.assert_close(guided[0, 0], expected)
    torch.testing.assert_close(guided[1], 10 * guided[0])


@pytest.mark.parametrize(
    "values", [{"alpha": 0}, {"alpha": 1.2}, {"alpha": "all"}, {"omega": -1}, {"omega": None, "eta": 0.5}]
)
def test_values_out_of_range_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as caught:
        build(EDITS["uniedit"], values)
    assert caught.value.name in values


@pytest.mark.parametrize("asked", [{"guidance_scale": 3.0}, {"negative_prompt": "a ball"}])
def test_guidance_is_refused_where_there_is_none(
    model: engine.Backbone, inverted: engine.SourceRecord, asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParameter, match="no classifier-free guidance") as caught:
        engine.edit(model, inverted, Edit(prompt="a dog", method=UniEdit(), **asked))
    assert caught.value.name in asked
