"""LocalBlend: masks at any shape, and a background that is the source's to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.attention import Branch, Heads, Site, Step, coarsened
from engine.blend import Blending, LocalBlend, pictures
from engine.window import Window

TOKENS = 4
COND = Branch("cond", (0, 1))


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


def test_blending_sums_over_layers_and_steps_and_leaves_the_rest_to_the_source() -> None:
    site = Site(name="a", place="up", kind="cross", factor=1)
    other = Site(name="b", place="down", kind="cross", factor=1)
    running = Blending(blend([[], [1]], window=Window(0.5, 1)))
    latents = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    first, second = maps(4, 4, {(1, 1): (0, 0)}), maps(4, 4, {(1, 1): (3, 3)})

    for index, seen in enumerate((first, second)):
        now = Step(index=index, total=2, branches=(COND,))
        running.edit(site, now, COND, heads_with(seen))
        running.edit(other, now, COND, heads_with(seen))
        blended = running.after(now, latents)
        assert index or torch.equal(blended, latents)

    expected = around(4, 4, (0, 0), (3, 3))[0]
    assert running.mask is not None
    assert torch.equal(running.mask[0], expected)
    assert torch.equal(blended[0], latents[0])
    assert torch.equal(blended[1], torch.where(expected, latents[1], latents[0]))


def test_a_step_that_is_run_again_counts_once() -> None:
    site = Site(name="a", place="up", kind="cross", factor=1)
    now = Step(index=0, total=1, branches=(COND,))
    seen, stray = maps(4, 4, {(1, 1): (3, 3)}), maps(4, 4, {(1, 1): (0, 0)})
    running = Blending(blend([[], [1]]))

    running.edit(site, now, COND, heads_with(stray))
    running.edit(site, now, COND, heads_with(seen))
    running.after(now, torch.zeros(2, 3, 4, 4))

    assert running.mask is not None
    assert torch.equal(running.mask, around(4, 4, (3, 3)))


def test_masks_become_pictures_of_the_pictures_size() -> None:
    (mask,) = pictures(around(4, 6, (0, 0), reach=0), (24, 16))

    assert (mask.mode, mask.size) == ("L", (24, 16))
    assert mask.getbbox() == (0, 0, 4, 4)
    assert mask.getextrema() == (0, 255)


@pytest.mark.parametrize(
    ("kind", "factor", "branch", "wanted"),
    [
        ("cross", 2, COND, True),
        ("cross", 1, COND, False),
        ("self", 2, COND, False),
        ("cross", 2, Branch("uncond", (0, 1)), False),
    ],
)
def test_blending_looks_at_the_level_of_the_model_only(
    kind: Any, factor: int, branch: Branch, wanted: bool
) -> None:
    site = Site(name="", place="up", kind=kind, factor=factor)
    now = Step(index=0, total=1, branches=(branch,))

    assert Blending(blend([[1], [1]], factor=2)).wants(site, now, branch) is wanted


def heads_with(seen: Tensor) -> Heads:
    """Heads whose two maps are on average `seen` (rows, tokens, queries)."""
    probs = seen.transpose(1, 2)[:, None]
    empty = torch.zeros(2, 2, 1, 1)
    return Heads(query=empty, key=empty, value=empty, edited=torch.cat([0.5 * probs, 1.5 * probs], dim=1))
