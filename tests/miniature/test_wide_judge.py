"""The judge of the wider world sees what is there, what is not, and how many."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest
import torch

from miniature import WEIGHTS
from miniature.recipe import wide_judge
from miniature.recipe.data import HELD_OUT
from miniature.recipe.package import load_judge
from miniature.recipe.wide_judge import HEADS, Verdict
from miniature.scenes import Scene, sample
from miniature.things import Thing
from miniature.wider import LAYOUTS, sample_wide

CRITIC = wide_judge.load(WEIGHTS)


def right(scenes: list[Scene]) -> dict[str, float]:
    """The share of held-out renders in which each attribute is seen."""
    seen: dict[str, list[bool]] = defaultdict(list)
    for verdict, scene in zip(
        wide_judge.verdicts(CRITIC, [scene.render() for scene in scenes]), scenes, strict=True
    ):
        for attribute, is_right in verdict.shows(scene).items():
            seen[attribute].append(is_right)
    return {attribute: fmean(values) for attribute, values in seen.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_renders_of_every_layout_are_recognised(layout: str) -> None:
    shares = right([sample_wide(seed, layout) for seed in range(HELD_OUT, HELD_OUT + 100)])
    # The colours of the smallest objects, 17 pixels wide, are what it sees worst.
    least = 0.78 if layout == "sized" else 0.93
    assert all(share >= least for share in shares.values()), shares


def test_plain_renders_are_still_recognised() -> None:
    shares = right([sample(seed, complete=True) for seed in range(HELD_OUT, HELD_OUT + 200)])
    assert all(share >= 0.96 for share in shares.values()), shares


def test_a_verdict_is_wrong_about_what_is_missing_or_too_much() -> None:
    cats = Scene(things=(Thing(object="cat", count=2, accessory="hat"),))
    verdict = Verdict(
        objects=frozenset({"cat"}),
        painted=frozenset(),
        background="grass",
        style="photo",
        count=2,
        worn="hat",
    )
    assert all(verdict.shows(cats).values())
    assert not verdict.shows(cats.with_(count=3))["count"]
    assert not verdict.shows(cats.bare(0))["accessory"]
    assert not verdict.shows(cats.adding(Thing(object="dog")))["object"]
    assert not verdict.shows(cats.without(0))["object"]


def test_it_begins_with_what_the_judge_knows(tmp_path: Path) -> None:
    critic = load_judge(WEIGHTS)
    known = sum(HEADS) - wide_judge.COUNTS - len(wide_judge.WORN)
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wide_judge.begun(critic)(pixels)[:, :known], critic(pixels))
    scenes = [sample_wide(seed) for seed in range(8)]
    images = wide_judge.pixels_of(scene.render() for scene in scenes)
    trained = wide_judge.train(images, wide_judge.truth(scenes), critic, tmp_path, 3)
    assert not torch.equal(trained(pixels)[:, :known], critic(pixels))
