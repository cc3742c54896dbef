"""LocalBlend: masks at any shape, and a background that is the source's to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.attention import Maps, SourceStep, Step, coarsened
from engine.blend import Blending, LocalBlend, pictures
from engine.window import Window

TOKENS = 4


def blend(
    added: list[list[int]] | None, subtracted: list[list[int]] | None = None, **changes: Any
) -> LocalBlend:
    fields = {"threshold": 0.3, "window": Window(0, 1), "factor": 1}
    return LocalBlend(added=marks(added), subtracted=marks(subtracted), **{**fields, **changes})


def marks(tokens: list[list[int]] | None) -> Tensor | None:
    """Of one target: the tokens of the source's words, and of its own."""
    if tokens is None:
        return None
    found = torch.zeros(1, 2, TOKENS)
    for place, positions in enumerate(tokens):
        found[0, place, positions] = 1
    return found


def maps(height: int, width: int, peaks: dict[tuple[int, int], tuple[int, int]]) -> Tensor:
    """Attention (2 rows, tokens, queries), faint everywhere, with a peak for each (row, token)."""
    found = torch.full((2, TOKENS, height, width), 0.01)
    for (row, token), (y, x) in peaks.items():
        found[row, token, y, x] = 1
    return found.flatten(2)


def around(height: int, width: int, *points: tuple[int, int], reach: int = 1) -> Tensor:
    found = torch.zeros(1, height, width, dtype=torch.bool)
    for y, x in points:
        found[0, max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    return found


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 12), (12, 8)])
def test_the_mask_is_around_the_words_of_source_and_target(height: int, width: int) -> None:
    seen = maps(height, width, {(0, 1): (1, 1), (1, 2): (5, 6), (0, 2): (7, 0), (1, 1): (0, 7)})

    mask = blend([[1], [2]]).mask(seen, height, width)

    assert torch.equal(mask, around(height, width, (1, 1), (5, 6)))


def test_subtracted_words_are_kept_out_without_widening() -> None:
    seen = maps(8, 8, {(0, 1): (3, 3), (1, 1): (3, 3), (1, 3): (3, 4)})

    mask = blend([[1], [1]], [[], [3]]).mask(seen, 8, 8)

    assert torch.equal(mask, around(8, 8, (3, 3)) & ~around(8, 8, (3, 4), reach=0))


def test_subtracted_words_alone_leave_all_the_rest_open() -> None:
    mask = blend(None, [[3], [3]]).mask(maps(8, 8, {(0, 3): (2, 2), (1, 3): (2, 2)}), 8, 8)

    assert torch.equal(mask, ~around(8, 8, (2, 2), reach=0))


def test_a_word_of_one_prompt_only_opens_around_it_alone() -> None:
    mask = blend([[], [2]]).mask(maps(6, 9, {(1, 2): (2, 7), (0, 2): (0, 0)}), 6, 9)

    assert torch.equal(mask, around(6, 9, (2, 7)))


@pytest.mark.parametrize(("height", "width"), [(16, 24), (24, 16), (15, 10), (9, 13)])
def test_coarse_maps_cover_the_latent_they_belong_to(height: int, width: int) -> None:
    rows, columns = coarsened(height, width, 4)
    seen = maps(rows, columns, {(0, 1): (rows - 1, columns - 1), (1, 1): (rows - 1, columns - 1)})

    mask = blend([[1], [1]], factor=4).mask(seen, height, width)

    expected = torch.zeros(1, height, width, dtype=torch.bool)
    expected[0, 4 * (rows - 2) :, 4 * (columns - 2) :] = True
    assert torch.equal(mask, expected)


def seen_by(total: Tensor | None) -> Maps:
    """Maps that have seen so much."""
    watched = Maps(factor=1)
    watched.total = total
    return watched


def at(index: int, total: int, source: Tensor) -> Step:
    return Step(index=index, total=total, branches=(), source=SourceStep(latent=source))


def test_blending_leaves_the_rest_to_the_source_once_its_window_is_open() -> None:
    seen = seen_by(maps(4, 4, {(1, 1): (0, 0)}) + maps(4, 4, {(1, 1): (3, 3)}))
    running = Blending(blend([[], [1]], window=Window(0.5, 1)), seen)
    source, target = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))

    assert torch.equal(running.after(at(0, 2, source), target), target)
    assert running.mask is None
    blended = running.after(at(1, 2, source), target)

    expected = around(4, 4, (0, 0), (3, 3))
    assert running.mask is not None
    assert torch.equal(running.mask, expected)
    assert torch.equal(blended, torch.where(expected, target, source))


def test_before_any_map_nothing_is_blended() -> None:
    source, target = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))

    assert torch.equal(Blending(blend([[], [1]]), seen_by(None)).after(at(0, 1, source), target), target)


def test_masks_become_pictures_of_the_pictures_size() -> None:
    (mask,) = pictures(around(4, 6, (0, 0), reach=0), (24, 16))

    assert (mask.mode, mask.size) == ("L", (24, 16))
    assert mask.getbbox() == (0, 0, 4, 4)
    assert mask.getextrema() == (0, 255)


def test_pictures_are_composed_of_the_edit_where_the_mask_is_open_and_of_the_source_elsewhere() -> None:
    edited, source = (Image.new("RGB", (32, 24), colour) for colour in ("white", "black"))
    for within, expected in ("latent", 255), ("picture", 0):
        blending = Blending(blend([[1], [2]], within=within), Maps(1))
        blending.mask = torch.zeros(1, 3, 4, dtype=torch.bool)
        blending.mask[0, :, 2:] = True

        (composed,) = blending.composed([edited], source)

        shades = np.asarray(composed)
        assert (shades[:, :16] == expected).all()
        assert (shades[:, 20:] == 255).all()
        assert (np.diff(shades[0, :, 0].astype(int)) >= 0).all()
