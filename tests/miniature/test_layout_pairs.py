"""Edits that add, remove, move, count and dress, with the exact pixels that had to change."""

import numpy as np
import pytest

from miniature.pairs import LAYOUT_KINDS, held_out_pairs


@pytest.mark.parametrize("kind", LAYOUT_KINDS)
def test_a_pair_changes_what_its_kind_says_and_only_there(kind: str) -> None:
    for pair in held_out_pairs(kind, 12):
        assert pair.source.caption != pair.target.caption
        assert (pair.source.background, pair.source.style) == (pair.target.background, pair.target.style)
        before, after = np.asarray(pair.image), np.asarray(pair.truth)
        assert pair.mask.any()
        assert np.array_equal(before[~pair.mask], after[~pair.mask])


@pytest.mark.parametrize("kind", LAYOUT_KINDS)
def test_pairs_are_the_same_on_every_call_and_unlike_one_another(kind: str) -> None:
    pairs = held_out_pairs(kind, 20)
    assert pairs[:5] == held_out_pairs(kind, 5)
    assert len({pair.source.caption for pair in pairs}) > 10


def test_what_is_removed_is_what_was_added() -> None:
    for added, removed in zip(held_out_pairs("add", 5), held_out_pairs("remove", 5), strict=True):
        assert (added.source, added.target) == (removed.target, removed.source)
        assert len(added.target.things) == 2
    for dressed, bared in zip(held_out_pairs("dress", 5), held_out_pairs("undress", 5), strict=True):
        assert (dressed.source, dressed.target) == (bared.target, bared.source)
    assert all(not pair.target.things for pair in held_out_pairs("clear", 5))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="undress"):
        held_out_pairs("teleport", 1)
