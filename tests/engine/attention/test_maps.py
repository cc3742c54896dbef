"""Where words look, added up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.attention import Branch, Maps, Site, Step
from tests.engine.attention.layer import random_heads, softmax_map

COND = Branch("cond", (0, 1))
NOW = Step(index=0, total=1, branches=(COND,))


def site(name: str) -> Site:
    return Site(name=name, place="up", kind="cross", factor=1)


def watched(maps: Maps, name: str, seed: int) -> Tensor:
    """What a layer shows: the mean over heads, (1 + targets, tokens, queries)."""
    source = random_heads(1, 5, 6, seed=seed)
    heads = random_heads(2, 5, 6, seed=seed + 1, source=source)
    assert maps.edit(site(name), NOW, COND, heads) is heads
    return torch.cat([softmax_map(one).mean(1) for one in (source, heads)]).transpose(1, 2)


def test_maps_add_up_over_layers_and_steps_the_source_first() -> None:
    maps = Maps(factor=1)

    seen = [watched(maps, "a", 0), watched(maps, "b", 2)]
    maps.add()
    seen.append(watched(maps, "a", 4))
    maps.add()

    assert maps.total is not None
    torch.testing.assert_close(maps.total, sum(seen[1:], seen[0]))


def test_a_step_that_is_run_again_counts_once() -> None:
    maps = Maps(factor=1)

    watched(maps, "a", 0)
    again = watched(maps, "a", 2)
    maps.add()

    assert maps.total is not None
    torch.testing.assert_close(maps.total, again)


def test_without_a_source_there_are_only_the_rows_themselves() -> None:
    maps = Maps(factor=1)
    heads = random_heads(2, 5, 6)

    maps.edit(site("a"), NOW, COND, heads)
    maps.add()

    assert maps.total is not None
    torch.testing.assert_close(maps.total, softmax_map(heads).mean(1).transpose(1, 2))


@pytest.mark.parametrize(
    ("kind", "factor", "branch", "wanted"),
    [
        ("cross", 2, COND, True),
        ("cross", 1, COND, False),
        ("self", 2, COND, False),
        ("cross", 2, Branch("uncond", (0, 1)), False),
    ],
)
def test_maps_are_of_the_level_of_the_model_only(
    kind: Any, factor: int, branch: Branch, wanted: bool
) -> None:
    place = Site(name="", place="up", kind=kind, factor=factor)

    assert Maps(factor=2).wants(place, NOW, branch) is wanted
