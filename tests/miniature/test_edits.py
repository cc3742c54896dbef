"""Edits on the trained miniature do what their names say, on scenes it was never trained on."""

from statistics import fmean

import numpy as np
import pytest
from PIL import Image

import engine
from miniature import WEIGHTS
from miniature.pairs import held_out_pairs
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge

pytestmark = pytest.mark.slow

MODELS = engine.load("miniature")
CRITIC = load_judge(WEIGHTS)


def error(a: Image.Image, b: Image.Image, where: np.ndarray) -> float:
    """PSNR in dB over the pixels of a mask."""
    difference = np.asarray(a, dtype=float)[where] - np.asarray(b, dtype=float)[where]
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


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
                "outside": error(result.images[0], pair.image, ~pair.mask),
                "ceiling": error(result.source, pair.image, ~pair.mask),
            }
        )
    return rows


def test_a_swapped_object_is_recognised(swaps: list[dict[str, float]]) -> None:
    assert fmean(row["right"] for row in swaps) >= 0.8


def test_a_swap_keeps_the_background_of_the_autoencoder(swaps: list[dict[str, float]]) -> None:
    assert fmean(row["outside"] - row["ceiling"] for row in swaps) >= -1.0
