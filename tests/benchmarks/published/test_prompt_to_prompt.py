"""Prompt-to-Prompt's refinement on the miniature."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.prompt_to_prompt import Refinement, edit, refine
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS


def asked(pair: Pair) -> Refinement:
    return Refinement(source=pair.source.caption, target=f"a sketch of {pair.source.caption}", blend_factor=1)


def test_tokens_are_aligned_and_padding_stays_in_place() -> None:
    mapper, kept = refine([90, 1, 2, 3, 91], [90, 1, 7, 8, 3, 5, 91], 9)
    assert kept.tolist() == [1, 1, 0, 0, 1, 0, 1, 1, 1]
    assert mapper[kept.bool()].tolist() == [0, 1, 3, 4, 7, 8]


def test_without_windows_both_rows_are_sampled_plainly(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    plain = replace(asked(pair), tau_c=0.0, tau_s=0.0, guidance_scale=4.0)
    rows = edit(diffusers_parts, path[-1:], plain, steps=STEPS)
    for row, prompt in zip(rows.split(1), (plain.source, plain.target), strict=True):
        alone = published.sample(diffusers_parts, path[-1:], prompt, steps=STEPS, guidance_scale=4.0)
        torch.testing.assert_close(row, alone, rtol=0, atol=1e-4)


def test_an_edit_of_nothing_changes_nothing(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    nothing = replace(asked(pair), target=pair.source.caption)
    source, target = edit(diffusers_parts, path[-1:], nothing, steps=STEPS)
    torch.testing.assert_close(target, source, rtol=0, atol=1e-4)


def test_a_source_on_its_path_comes_back_whole(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    source, target = edit(diffusers_parts, path[-1:], asked(pair), steps=STEPS, path=path)
    assert torch.equal(source, path[0])
    assert (target - source).abs().max() > 0.1


def test_factors_last_as_long_as_the_cross_attention(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    still = replace(asked(pair), tau_c=0.0)
    weighted = replace(still, reweight={"sketch": 4.0})
    assert torch.equal(*(edit(diffusers_parts, path[-1:], one, steps=STEPS) for one in (still, weighted)))
    rows = [
        edit(diffusers_parts, path[-1:], replace(one, tau_c=0.4), steps=STEPS) for one in (still, weighted)
    ]
    assert (rows[0][1] - rows[1][1]).abs().max() > 0.01


def test_the_blend_reads_edited_maps_and_leaves_the_rest_to_the_source(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    thing = pair.source.things[0].object
    blended = replace(asked(pair), blend_words=([thing], [thing]), blend_threshold=0.15, tau_c=1.0)
    source, target = edit(diffusers_parts, path[-1:], blended, steps=STEPS, path=path)
    closed = (target == source).all(0)
    assert 0.1 < closed.float().mean() < 0.95
    # Words that come out of the edited maps: without the edit they look elsewhere.
    _, other = edit(diffusers_parts, path[-1:], replace(blended, tau_c=0.0), steps=STEPS, path=path)
    assert not torch.equal(closed, (other == source).all(0))
