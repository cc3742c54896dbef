"""Where words look, added up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.attention import Branch, Maps, Step
from tests.engine.attention.layer import branch, random_heads, site, softmax_map

COND = branch("cond", 0, 1)
NOW = Step(index=0, total=1, branches=(COND,))


def watched(maps: Maps, name: str, seed: int) -> Tensor:
    """What a layer shows: the mean over heads, (1 + targets, tokens, queries)."""
    source = random_heads(1, 5, 6, seed=seed)
    heads = random_heads(2, 5, 6, seed=seed + 1, source=source)
    maps.heads(site("cross", name=name), NOW, COND, heads)
    return torch.cat([softmax_map(one).mean(1) for one in (source, heads)]).transpose(1, 2)


def test_maps_add_up_over_layers_and_steps_the_source_first() -> None:
    maps = Maps(factor=1)

    seen = [watched(maps, "a", 0), watched(maps, "b", 2)]
    maps.after(NOW)
    seen.append(watched(maps, "a", 4))
    maps.after(NOW)

    assert maps.total is not None
    torch.testing.assert_close(maps.total, sum(seen[1:], seen[0]))


def test_a_step_that_is_run_again_counts_once() -> None:
    maps = Maps(factor=1)

    watched(maps, "a", 0)
    again = watched(maps, "a", 2)
    maps.after(NOW)

    assert maps.total is not None
    torch.testing.assert_close(maps.total, again)


def test_without_a_source_there_are_only_the_rows_themselves() -> None:
    maps = Maps(factor=1)
    heads = random_heads(2, 5, 6)

    maps.heads(site("cross"), NOW, COND, heads)
    maps.after(NOW)

    assert maps.total is not None
    torch.testing.assert_close(maps.total, softmax_map(heads).mean(1).transpose(1, 2))


@pytest.mark.parametrize(
    ("kind", "factor", "part", "wanted"),
    [
        ("cross", 2, COND, True),
        ("cross", 1, COND, False),
        ("self", 2, COND, False),
        ("cross", 2, branch("uncond", 0, 1), False),
    ],
)
def test_maps_are_of_the_level_of_the_model_only(kind: Any, factor: int, part: Branch, wanted: bool) -> None:
    assert Maps(factor=2).looks(site(kind, factor=factor), NOW, part) is wanted


def test_edited_maps_are_those_that_a_control_left_and_own_ones_those_before() -> None:
    own, edited = Maps(factor=1), Maps(factor=1, which="edited")
    before = random_heads(2, 5, 6, source=random_heads(1, 5, 6, seed=1))
    assert before.source is not None
    after = replace(before, edited=before.source.terms)

    for maps in (own, edited):
        maps.heads(site("cross"), NOW, COND, before)
        maps.edited(site("cross"), NOW, COND, after)
        maps.after(NOW)

    first = softmax_map(before.source).mean(1)
    for maps, targets in ((own, softmax_map(before).mean(1)), (edited, first.expand(2, -1, -1))):
        assert maps.total is not None
        torch.testing.assert_close(maps.total, torch.cat([first, targets]).transpose(1, 2))
