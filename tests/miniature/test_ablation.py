"""Runs that differ in one part of the recipe are measured on the same scenes, by pairs."""

import json
import math
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from miniature import WEIGHTS
from miniature.recipe import ablation, corpus, further, samples
from miniature.recipe.clip import token_ids


@pytest.fixture(scope="module")
def held() -> ablation.Ruler:
    return ablation.ruler(WEIGHTS, 3)


def test_the_share_of_attention_is_that_on_the_object() -> None:
    maps = torch.full((2, 4, 3), 0.25)  # two heads of one scene, four places, three tokens
    maps[:, :, 1] = torch.tensor([0.7, 0.1, 0.1, 0.1])
    spoken = torch.tensor([[[False, True, False], [False, False, False]]])
    covered = torch.tensor([[[[True, False], [False, False]], [[False, False], [False, False]]]])
    assert ablation.on_object([maps], spoken, covered).item() == pytest.approx(0.7)
    nothing = torch.zeros_like(spoken)
    assert math.isnan(ablation.on_object([maps], nothing, covered).item())
    assert math.isnan(ablation.on_object([maps], spoken, torch.zeros_like(covered)).item())


def test_a_difference_is_paired_and_leaves_out_scenes_without_the_figure() -> None:
    base = torch.tensor([1.0, 2.0, torch.nan, 4.0])
    found = ablation.effect("a", "error", base, base + 0.5)
    assert (found.scenes, found.difference, found.low, found.high) == (3, 0.5, 0.5, 0.5)


def test_errors_are_small_for_trained_weights_and_large_for_a_broken_unet(held: ablation.Ruler) -> None:
    painter = further.painter_of(WEIGHTS).eval()
    good, share = ablation.errors(painter, held, range(500, 1000), draws=1)
    assert good.shape == share.shape == (6,)
    assert share[~share.isnan()].mean() > 0.5
    torch.nn.init.zeros_(painter.unet.conv_out.weight)
    broken, _ = ablation.errors(painter, held, range(500, 1000), draws=1)
    assert (broken > 5 * good).all()


def test_every_variant_trains_otherwise_and_the_recipe_twice_alike(
    tmp_path: Path, held: ablation.Ruler
) -> None:
    known = corpus.kept(tmp_path, held.vae, held.tokenizer, "cpu", 3)
    empty = token_ids(held.tokenizer, [""])[0]
    weights: dict[str, dict[str, torch.Tensor]] = {}
    for name, variant in {"again": ablation.Variant(), **ablation.VARIANTS}.items():
        painter = further.painter_of(WEIGHTS)
        ablation.train(painter, variant, known, empty, held.scale, steps=6, batch=3)
        weights[name] = painter.state_dict()
    recipe = weights.pop("the recipe")
    same = {
        name: all(torch.equal(recipe[key], value) for key, value in other.items())
        for name, other in weights.items()
    }
    assert {name for name, is_same in same.items() if is_same} == {"again"}
    start = further.painter_of(WEIGHTS).state_dict()
    text = [key for key in start if key.startswith("text.")]
    assert all(torch.equal(weights["text encoder frozen"][key], start[key]) for key in text)


def test_the_command_measures_the_recipe_and_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "STEPS", 1)
    figures = tmp_path / "figures.json"
    app = typer.Typer()
    app.command()(ablation.main)
    asked = [str(WEIGHTS), "--runs", str(tmp_path), "--scenes", "3", "--steps", "2", "--batch", "4"]
    asked += ["--held", "2", "--only", "no attention loss", "--json", str(figures)]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = json.loads(figures.read_text())
    assert list(dict.fromkeys(row["variant"] for row in rows)) == ["the recipe", "no attention loss"]
    assert all(row["low"] == row["high"] == 0 for row in rows if row["variant"] == "the recipe")
    assert {"error, wide scenes, early", "attention on its object", "painted: object"} <= {
        row["figure"] for row in rows
    }


def test_a_run_that_there_is_not_is_refused(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(ablation.main)
    result = CliRunner().invoke(app, [str(WEIGHTS), "--only", "no atention loss", "--runs", str(tmp_path)])
    assert result.exit_code == 2
    assert "no attention loss" in result.output
