from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.fullres import Box
from engine.regions import Region, around, part, peaks, shown_of

WHOLE: Box = (0.0, 0.0, 400.0, 300.0)


def true(*boxes: tuple[int, int, int, int]) -> Tensor:
    places = torch.zeros(30, 40, dtype=torch.bool)
    for left, top, right, bottom in boxes:
        places[top:bottom, left:right] = True
    return places


@pytest.mark.parametrize(
    ("places", "found"),
    [
        (true((10, 10, 15, 14)), (85, 80, 80, 80)),  # 50x40 pixels with room
        (true((10, 10, 12, 12)), (78, 78, 64, 64)),  # no smaller than the model
        (true((0, 0, 5, 4)), (0, 0, 80, 80)),  # at a corner
        (true((38, 28, 40, 30)), (336, 236, 64, 64)),
        (true((10, 10, 12, 12), (13, 10, 15, 14)), (85, 80, 80, 80)),  # in two places
        (true((2, 2, 30, 12)), None),  # nearly all of it
        (true(), None),
    ],
)
def test_the_square_around_places(places: Tensor, found: Region | None) -> None:
    assert around(places, size=(400, 300), shown=WHOLE, smallest=64) == found


def test_places_of_a_cropped_picture_lie_where_it_was_cropped() -> None:
    shown = (40.0, 0.0, 440.0, 300.0)
    places = true((10, 10, 15, 14))
    assert around(places, size=(480, 300), shown=shown, smallest=64) == (125, 80, 80, 80)


def test_a_picture_no_larger_than_the_model_has_no_region() -> None:
    assert around(true((10, 10, 12, 12)), size=(64, 64), shown=(0, 0, 64, 64), smallest=64) is None


def test_a_peak_is_all_that_hangs_together_with_what_is_high() -> None:
    attention = torch.full((8, 8), 0.1)
    attention[2, 2:5] = torch.tensor([0.5, 1.0, 0.5])
    attention[3, 5] = 0.5  # beside it, at a corner
    attention[6, 1], attention[6, 2] = 0.95, 0.6  # another one
    attention[0, 7] = 0.6  # by itself, and never high
    attention[5, 5] = 0.2
    found = peaks(attention).nonzero().tolist()
    assert found == [[2, 2], [2, 3], [2, 4], [3, 5], [6, 1], [6, 2]]
    assert torch.equal(peaks(3 * attention + 7), peaks(attention))
    assert not peaks(torch.ones(4, 4)).all()


def test_the_working_picture_of_a_region_shows_that_part_of_the_original() -> None:
    assert shown_of((400, 300), (100, 50, 128, 128), (64, 64), short=64) == (100, 50, 228, 178)
    assert shown_of((400, 300), None, (84, 64), short=64)[0] == 0
    # what a crop to whole strides leaves out at both ends
    left, _, right, _ = shown_of((400, 300), (100, 50, 150, 100), (88, 64), short=64)
    assert (left - 100, 250 - right) == (pytest.approx(6.25), pytest.approx(6.25))
    assert part(Image.new("RGB", (400, 300)), (100, 50, 150, 100)).size == (150, 100)
