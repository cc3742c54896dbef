"""Choosing defaults by a grid."""

from __future__ import annotations

import pytest
import typer

import engine
from benchmarks.quality.cases import cases
from benchmarks.taus.__main__ import FIRST, STAGES, axis
from benchmarks.taus.grid import Tried, attempt, choose, points, prepared
from miniature import WEIGHTS
from miniature.recipe.data import HELD_OUT
from miniature.recipe.package import load_judge
from parameters import EDITS


def tried(recognised: float, truth: float) -> Tried:
    return Tried(
        params={}, recognised=recognised, by_kind={}, outside_psnr=0.0, outside_ssim=0.0, truth=truth
    )


def test_a_grid_has_all_its_points() -> None:
    assert points({"a": (1, 2), "b": (3, 4)}) == [
        {"a": 1, "b": 3},
        {"a": 1, "b": 4},
        {"a": 2, "b": 3},
        {"a": 2, "b": 4},
    ]


def test_the_nearest_to_the_truth_is_chosen_among_those_that_are_recognised() -> None:
    nothing_changed, good, worse = tried(10, 30), tried(87, 22), tried(90, 20)
    assert choose([nothing_changed, worse, good]) is good


@pytest.mark.parametrize("text", ["tau_c", "tau_c=", "=.2"])
def test_an_axis_is_a_name_and_values(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        axis(text)
    assert axis("tau_c=.2,.4") == ("tau_c", (0.2, 0.4))
    assert axis("padding=end,absolute") == ("padding", ("end", "absolute"))


def test_settings_are_tried_on_scenes_of_their_own(models: engine.Backbone) -> None:
    some = cases(2, first=FIRST)
    assert min(case.pair.source.seed for case in some) >= FIRST > HELD_OUT
    pictures = prepared(models, some, "direct", 2)
    heard: list[Tried] = []
    settings = points({"tau_c": (0.0, 1.0)})
    results = attempt(
        models, load_judge(WEIGHTS), pictures, "p2p", settings, engine.SourceCache(2**28), heard.append
    )
    assert results == heard
    assert [one.name for one in results] == ["tau_c 0", "tau_c 1"]
    assert results[0].outside_psnr != results[1].outside_psnr
    assert set(results[0].by_kind) == {"object", "colour"}


def test_the_stages_are_parameters_of_the_method() -> None:
    for stage in STAGES:
        for params in points(stage):
            EDITS["p2plus"](**params)
