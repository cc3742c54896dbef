"""Edits on the trained miniature do what their names say, on scenes it was never trained on."""

from statistics import fmean

import pytest

import engine
from miniature import WEIGHTS
from miniature.pairs import held_out_pairs
from miniature.pictures import psnr
from miniature.recipe.data import HELD_OUT
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge
from miniature.scenes import Scene, sample

pytestmark = pytest.mark.slow

MODELS = engine.load("miniature")
CRITIC = load_judge(WEIGHTS)


@pytest.fixture(scope="module")
def swaps() -> list[dict[str, float]]:
    rows = []
    for pair in held_out_pairs("object", 60):
        record = engine.invert(MODELS, pair.image, prompt=pair.source.caption)
        method = engine.P2P(blend_words="changed")
        result = engine.edit(MODELS, record, engine.Edit(prompt=pair.target.caption, method=method))
        (verdict,) = judge(CRITIC, result.images)
        rows.append(
            {
                "right": verdict.shows(pair.target)["object"],
                "outside": psnr(result.images[0], pair.image, ~pair.mask),
                "ceiling": psnr(result.source, pair.image, ~pair.mask),
            }
        )
    return rows


def test_a_swapped_object_is_recognised(swaps: list[dict[str, float]]) -> None:
    assert fmean(row["right"] for row in swaps) >= 0.8


def test_a_swap_keeps_the_background_of_the_autoencoder(swaps: list[dict[str, float]]) -> None:
    assert fmean(row["outside"] - row["ceiling"] for row in swaps) >= -1.0


@pytest.fixture(scope="module")
def photos() -> list[tuple[Scene, engine.SourceRecord]]:
    """Twelve pictures of one object each, whose prompts say no style, inverted."""
    scenes = [sample(seed, complete=True) for seed in range(HELD_OUT, HELD_OUT + 200)]
    some = [scene for scene in scenes if len(scene.things) == 1 and "style" in scene.leave_out][:12]
    return [(scene, engine.invert(MODELS, scene.render(), prompt=scene.caption)) for scene in some]


def share_of_watercolours(
    photos: list[tuple[Scene, engine.SourceRecord]], method: engine.P2P
) -> tuple[float, float]:
    """Of the photos refined into watercolours: how many look like one, how many still show their object."""
    styles, objects = [], []
    for scene, record in photos:
        edit = engine.Edit(prompt=f"a watercolour of {scene.caption}", method=method)
        (verdict,) = judge(CRITIC, engine.edit(MODELS, record, edit).images)
        styles.append(verdict.style == "watercolour")
        objects.append(verdict.shows(scene)["object"])
    return fmean(styles), fmean(objects)


def test_a_refined_prompt_adds_what_it_says_and_keeps_the_rest(
    photos: list[tuple[Scene, engine.SourceRecord]],
) -> None:
    painted, kept = share_of_watercolours(photos, engine.P2P())
    assert painted >= 0.6
    assert kept >= 0.8


def test_a_word_that_is_pushed_away_takes_its_object_along_and_nothing_else(
    photos: list[tuple[Scene, engine.SourceRecord]],
) -> None:
    inside: dict[int, list[float]] = {-3: [], 1: [], 3: []}
    outside, kept = [], []
    for scene, record in photos[:8]:
        word, where = scene.things[0].object, scene.object_mask()
        for factor, errors in inside.items():
            method = engine.P2P(reweight={word: factor}, tau_s=0.2)
            result = engine.edit(MODELS, record, engine.Edit(prompt=scene.caption, method=method))
            errors.append(psnr(result.images[0], result.source, where))
            if factor == -3:
                outside.append(psnr(result.images[0], result.source, ~where))
                kept.append(judge(CRITIC, result.images)[0].shows(scene)["object"])

    away, plain, stressed = (fmean(errors) for errors in inside.values())
    assert away < plain - 5
    assert away < stressed < plain
    assert fmean(outside) > away + 8
    assert fmean(kept) <= 0.7
