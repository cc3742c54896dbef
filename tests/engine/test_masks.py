"""Masks: where an edit may show, and the source to the bit everywhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.attention import Maps, SourceStep, Step
from engine.blend import LocalBlend
from engine.masks import Mask, Masking, faded
from engine.window import Window

EVERYWHERE = {"window": Window(0, 1)}
WHITE, BLACK = (Image.new("RGB", (32, 24), colour) for colour in ("white", "black"))


def word_at(*points: tuple[int, int], height: int = 6, width: int = 8) -> tuple[LocalBlend, Maps]:
    """A word of the target alone, and maps that attend to it at these places."""
    words = LocalBlend(added=torch.tensor([[[[0.0]], [[1.0]]]]), subtracted=None, threshold=0.3, factor=1)
    maps = Maps(1)
    maps.total = torch.full((2, 1, height * width), 0.01)
    for y, x in points:
        maps.total[1, 0, y * width + x] = 1
    return words, maps


def painted(*boxes: tuple[int, int, int, int], height: int = 24, width: int = 32) -> Tensor:
    """A mask of pixels, open in these boxes (left, top, right, bottom)."""
    opened = torch.zeros(height, width, dtype=torch.bool)
    for left, top, right, bottom in boxes:
        opened[top:bottom, left:right] = True
    return opened


def at(index: int, total: int, source: Tensor | None) -> Step:
    beside = None if source is None else SourceStep(latent=source)
    return Step(index=index, total=total, branches=(), source=beside)


def latents() -> tuple[Tensor, Tensor]:
    source, target = torch.randn(2, 1, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    return source, target


def opened_of(masking: Masking) -> Tensor:
    """The places (h, w) that a mask leaves to the target."""
    source, target = latents()
    blended = masking.after(at(0, 1, source), target, {})
    return (blended != source).all(1)[0]


def weights_of(masking: Masking) -> np.ndarray[Any, Any]:
    """How much of an edit each pixel (H, W) shows."""
    opened_of(masking)
    (composed,) = masking.composed([WHITE], BLACK)
    return np.asarray(composed)[:, :, 0]


def mask_of(masking: Masking) -> np.ndarray[Any, Any]:
    (mask,) = masking.pictures(1, WHITE.size)
    assert mask is not None
    assert (mask.mode, mask.size) == ("L", WHITE.size)
    return np.asarray(mask)


def test_outside_its_window_a_mask_is_not_applied() -> None:
    source, target = latents()
    masking = Masking(Mask(given=painted((0, 0, 4, 4)), window=Window(0.5, 1)), Maps(1))

    assert torch.equal(masking.after(at(0, 2, source), target, {}), target)
    assert not torch.equal(masking.after(at(1, 2, source), target, {}), target)


def test_before_any_map_words_close_nothing() -> None:
    source, target = latents()
    words, _ = word_at((0, 0))

    assert torch.equal(
        Masking(Mask(words=words, **EVERYWHERE), Maps(1)).after(at(0, 1, source), target, {}), target
    )


def test_without_a_source_beside_the_pictures_alone_are_composed() -> None:
    _, target = latents()
    masking = Masking(Mask(given=painted((8, 8, 16, 16)), **EVERYWHERE), Maps(1))

    assert torch.equal(masking.after(at(0, 1, None), target, {}), target)
    (composed,) = masking.composed([WHITE], BLACK)
    assert (np.asarray(composed)[:, :, 0] == 255 * painted((8, 8, 16, 16)).numpy()).all()


def test_a_picture_opens_every_latent_that_it_touches_and_no_pixel_beyond_it() -> None:
    box = (5, 3, 13, 9)
    masking = Masking(Mask(given=painted(box), **EVERYWHERE), Maps(1))

    places = opened_of(masking)

    expected = torch.zeros(6, 8, dtype=torch.bool)
    expected[0:3, 1:4] = True
    assert torch.equal(places, expected)
    assert (weights_of(masking) == 255 * painted(box).numpy()).all()
    assert (mask_of(masking) == 255 * painted(box).numpy()).all()


def test_words_are_seamed_half_a_latent_wide_on_their_open_side() -> None:
    words, maps = word_at((2, 5))
    masking = Masking(Mask(words=words, **EVERYWHERE), maps)

    weights, mask = weights_of(masking), mask_of(masking)

    assert (mask == 255 * painted((16, 4, 28, 16)).numpy()).all()
    assert (weights[mask == 0] == 0).all()
    assert (weights[6:14, 18:26] == 255).all()
    assert (np.diff(weights[10, 8:22].astype(int)) >= 0).all()


@pytest.mark.parametrize("combine", ["and", "or"])
def test_masks_are_combined_in_latents_and_in_pixels(combine: Any) -> None:
    words, maps = word_at((2, 5))
    given = painted((2, 6, 21, 22))
    both = Masking(Mask(words=words, given=given, combine=combine, **EVERYWHERE), maps)
    alone = Masking(Mask(words=words, **EVERYWHERE), maps)
    join = torch.logical_and if combine == "and" else torch.logical_or

    expected = join(opened_of(alone), opened_of(Masking(Mask(given=given, **EVERYWHERE), Maps(1))))
    assert torch.equal(opened_of(both), expected)
    assert (mask_of(both) == 255 * join(torch.tensor(mask_of(alone)) > 0, given).numpy()).all()
    assert (weights_of(both)[mask_of(both) == 0] == 0).all()
    assert weights_of(both).max() == 255


def test_predictions_are_a_source_like_the_others() -> None:
    predicted = torch.zeros(1, 6, 8, dtype=torch.bool)
    predicted[0, 1:3, 2:6] = True
    mask = Mask(diffedit=True, **EVERYWHERE)

    assert torch.equal(opened_of(Masking(mask, Maps(1), predicted)), predicted[0])


def test_the_change_fades_on_the_inside_of_the_edge_alone() -> None:
    box = (8, 4, 32, 20)
    hard = Masking(Mask(given=painted(box), **EVERYWHERE), Maps(1))
    soft = Masking(Mask(given=painted(box), feather=4.0, **EVERYWHERE), Maps(1))

    weights = weights_of(soft).astype(int)

    assert (mask_of(soft) == mask_of(hard)).all()
    assert ((weights > 0) == painted(box).numpy()).all()
    assert weights[12, 6:14].tolist() == [0, 0, 51, 102, 153, 204, 255, 255]
    assert weights[12, 28:].tolist() == [255] * 4, "the border of the picture is no edge"


@pytest.mark.parametrize("width", [0.0, 0.5, 3.0, 7.0])
def test_fading_grows_with_the_distance_and_never_closes_a_thin_mask(width: float) -> None:
    opened = torch.zeros(1, 21, 21, dtype=torch.bool)
    opened[0, 3:18, 3:18] = True
    opened[0, 0, 5] = True

    weights = faded(opened, width)

    assert ((weights > 0) == opened).all()
    assert float(weights[0, 10, 10]) == 1
    assert float(weights[0, 3, 10]) == pytest.approx(min(1, 1 / (width + 1)))
    assert (weights[0, 10, 3:11].diff() >= 0).all()


def test_a_mask_of_the_latents_alone_leaves_the_pictures_as_they_are() -> None:
    masking = Masking(Mask(given=painted((0, 0, 4, 4)), within="latent", **EVERYWHERE), Maps(1))

    assert masking.composed([WHITE], BLACK) == [WHITE]
