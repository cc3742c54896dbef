"""The projection of the text that ships tells which caption belongs to which picture."""

from pathlib import Path

import pytest
import torch

from miniature import WEIGHTS
from miniature.recipe import projection
from miniature.recipe.data import HELD_OUT
from miniature.scenes import sample

TOWERS = projection.Towers(WEIGHTS)
SCENES = [sample(seed, complete=True) for seed in range(HELD_OUT, HELD_OUT + 60)]


def share_right(linear: torch.nn.Linear) -> float:
    """Of 60 held-out captions, the share whose own picture is the most similar one."""
    texts, images = [scene.caption for scene in SCENES], [scene.render() for scene in SCENES]
    similar = projection.similarity(TOWERS, linear, texts, images)
    return (similar.argmax(1) == torch.arange(len(SCENES))).float().mean().item()


def test_a_caption_is_most_like_its_own_picture() -> None:
    assert share_right(projection.load(WEIGHTS)) >= 0.9


def test_it_is_fitted_to_the_towers(tmp_path: Path) -> None:
    some = [sample(seed) for seed in range(300)]
    short = projection.fit(TOWERS, some, 60)
    assert share_right(short) > 0.3
    assert share_right(projection.fit(TOWERS, some, 1)) < 0.2
    projection.save(short, tmp_path)
    assert torch.equal(projection.load(tmp_path).weight, short.weight)


def test_a_package_without_one_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        projection.load(tmp_path)
