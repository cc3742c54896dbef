"""Values carry the look of a picture and keys its structure: the papers' experiment, on the miniature."""

import pytest

import engine
from benchmarks.values import sheet, told
from miniature.pairs import held_out_pairs

pytestmark = pytest.mark.slow

SCENES, STEPS = 10, 12


def test_the_style_of_a_picture_is_in_the_values_not_in_the_keys() -> None:
    pairs = held_out_pairs("style", SCENES)

    both, keys, values = told(engine.load("miniature"), pairs, STEPS)

    assert values.style >= keys.style + 0.3
    assert keys.style <= 0.2
    assert values.object >= 0.75
    assert both.style >= values.style
    assert sheet(pairs, [both, keys, values]).size == (4 * 128, SCENES * 128)
