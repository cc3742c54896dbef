from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.filters import gaussian as published

from engine.resampling import Span, enlarge, gaussian


def spans(count: tuple[int, int], size: tuple[int, int]) -> tuple[Span, Span]:
    down = Span(first=0, last=size[1], count=count[1], whole=size[1])
    return down, Span(first=0, last=size[0], count=count[0], whole=size[0])


@pytest.mark.parametrize("size", [(97, 61), (64, 64), (40, 55), (13, 9)])
def test_maps_are_enlarged_and_made_smaller_as_pillow_does(size: tuple[int, int]) -> None:
    values = torch.rand(2, 24, 32, generator=torch.Generator().manual_seed(0))
    down, across = spans((32, 24), size)
    ours = enlarge(values, down, range(size[1]), across, range(size[0]))
    for channel, plane in zip(ours, values, strict=True):
        theirs = Image.fromarray(plane.numpy()).resize(size, Image.Resampling.BICUBIC)
        np.testing.assert_allclose(channel.numpy(), np.asarray(theirs), atol=1e-5)


def test_a_span_inside_a_picture_is_the_same_as_the_picture_cut_out() -> None:
    values = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(1))
    whole = spans((8, 8), (40, 40))
    inner = [Span(first=10, last=50, count=8, whole=60) for _ in range(2)]
    alone = enlarge(values, whole[0], range(40), whole[1], range(40))
    assert torch.equal(enlarge(values, inner[0], range(10, 50), inner[1], range(10, 50)), alone)


def test_what_a_working_pixel_reaches_holds_all_that_it_changes() -> None:
    span = Span(first=3.3, last=50.7, count=9, whole=60)
    for place in range(9):
        impulse = torch.zeros(1, 9, 9)
        impulse[0, place] = 1
        line = enlarge(impulse, span, range(4, 50), span, range(10, 11))[0, :, 0]
        touched = {4 + int(pixel) for pixel in line.nonzero()}
        assert touched <= set(span.reached(range(place, place + 1))) <= set(range(3, 51))


def test_ends_within_the_picture_fade_and_the_pictures_own_do_not() -> None:
    span = Span(first=0, last=30, count=10, whole=40)
    fade = span.fade(range(30), 1.5)
    assert torch.equal(fade[:25], torch.ones(25))
    assert fade[-1] < 0.2
    assert (fade[25:].diff() < 0).all()


def test_the_blur_is_the_gaussian() -> None:
    values = torch.rand(2, 20, 30, generator=torch.Generator().manual_seed(2))
    theirs = published(values.numpy(), sigma=1.5, mode="nearest", truncate=3.4, channel_axis=0)
    np.testing.assert_allclose(gaussian(values, 1.5).numpy(), theirs, atol=1e-6)
