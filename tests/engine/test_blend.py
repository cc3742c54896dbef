"""LocalBlend: the places of words, in latents of any shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from engine import P2P, Edit, Plain
from engine.attention import coarsened
from engine.blend import LocalBlend
from engine.plan import Setting

TOKENS = 4


def words_of(
    model: engine.Backbone, record: engine.SourceRecord, *prompts: str, **params: Any
) -> LocalBlend | None:
    setting = Setting.of(model, record, Edit(prompt=prompts, method=P2P(**params)))
    return LocalBlend.of(setting, setting.targets)


def marked(marks: Tensor | None) -> list[list[list[int]]]:
    """Per target, the tokens marked in the source's prompt and in its own, in any group."""
    assert marks is not None
    return [[place.nonzero()[:, 0].tolist() for place in target] for target in marks.amax(2)]


def blend(
    added: list[list[int]] | None, subtracted: list[list[int]] | None = None, **changes: Any
) -> LocalBlend:
    fields = {"threshold": 0.3, "factor": 1}
    return LocalBlend(added=marks(added), subtracted=marks(subtracted), **{**fields, **changes})


def marks(tokens: list[list[int]] | None) -> Tensor | None:
    """Of one target and one group: the tokens of the source's words, and of its own."""
    if tokens is None:
        return None
    found = torch.zeros(1, 2, 1, TOKENS)
    for place, positions in enumerate(tokens):
        found[0, place, 0, positions] = 1
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


def test_of_two_words_to_keep_the_fainter_is_kept_as_well() -> None:
    seen = maps(8, 8, {(0, 1): (1, 1), (0, 2): (6, 5)})
    seen[0, 2] *= 0.1  # its peak is below the threshold of the other's
    words = torch.zeros(1, 2, 2, TOKENS)
    words[0, 0, 0, 1] = words[0, 0, 1, 2] = 1

    by_word, together = (
        LocalBlend(added=None, subtracted=marks, threshold=0.3, factor=1).mask(seen, 8, 8)
        for marks in (words, words.amax(2, keepdim=True))
    )

    assert torch.equal(by_word, ~around(8, 8, (1, 1), (6, 5), reach=0))
    assert torch.equal(together, ~around(8, 8, (1, 1), reach=0))


def test_every_word_to_keep_is_a_group_and_those_to_change_are_one(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    made = words_of(
        model, record, "a cat on sand", blend_words=["grass", "sand"], subtract_words=["cat", "on"]
    )

    assert made is not None
    assert made.added is not None
    assert made.subtracted is not None
    assert (made.added.shape[2], made.subtracted.shape[2]) == (1, 2)
    assert [group.nonzero().tolist() for group in made.subtracted[0, 0]] == [[[2]], [[3]]]


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


def test_blend_words_are_looked_up_in_both_prompts(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    made = words_of(
        model,
        record,
        "a dog on grass",
        "a cat on red grass",
        blend_words=["cat", "dog"],
        subtract_words=["grass"],
        blend_threshold=0.4,
    )

    assert made is not None
    assert marked(made.added) == [[[2], [2]], [[2], [2]]]
    assert marked(made.subtracted) == [[[4], [4]], [[4], [5]]]
    assert made.threshold == 0.4


def test_a_paper_without_a_threshold_leaves_the_models(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    tuned = replace(model, spec=replace(model.spec, blend_threshold=0.6))
    asked = Edit(prompt="a dog on grass", method=Plain(blend_words=["cat"]), preset="published")
    setting = Setting.of(tuned, record, asked)
    words = LocalBlend.of(setting, setting.targets)

    assert words is not None
    assert words.threshold == 0.6


def test_changed_words_are_those_that_go_come_or_are_weighed(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    targets = ("a dog on grass", "a cat on red grass", "a cat on grass")

    made = words_of(model, record, *targets, blend_words="changed", reweight={"grass": 2})

    assert made is not None
    assert marked(made.added) == [[[2], [2, 4]], [[], [4, 5]], [[], [4]]]


def test_no_blend_words_confine_the_edit_nowhere(model: engine.Backbone, record: engine.SourceRecord) -> None:
    assert words_of(model, record, "a dog on grass", blend_words=[]) is None


def test_one_target_alone_has_the_words_that_it_has_among_all(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    targets = ("a dog on grass", "a red cat on grass")
    asked = Edit(prompt=targets, method=P2P(blend_words=["dog", "red"], subtract_words=["grass"]))
    setting = Setting.of(model, record, asked)
    together = LocalBlend.of(setting, setting.targets)
    assert together is not None

    for row in range(2):
        one = replace(setting, edit=replace(asked, only=row))
        alone = LocalBlend.of(one, setting.targets[row : row + 1])

        assert alone is not None
        assert marked(alone.added) == marked(together.added)[row : row + 1]
        assert marked(alone.subtracted) == marked(together.subtracted)[row : row + 1]
