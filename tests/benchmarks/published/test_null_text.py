"""Null-text inversion on the miniature."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.null_text import NullText, optimise
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS

SCALE = 7.5


@pytest.fixture(scope="module")
def learned(diffusers_parts: published.Parts, path: Tensor, pair: Pair) -> NullText:
    return optimise(diffusers_parts, path, pair.source.caption, guidance_scale=SCALE, inner_steps=6)


def test_every_step_lowers_its_loss_or_is_good_enough(learned: NullText) -> None:
    assert len(learned.losses) == STEPS
    for index, losses in enumerate(learned.losses):
        assert losses[-1] < max(losses[0], 1e-5 + index * 2e-5)
        assert all(loss >= 1e-5 + index * 2e-5 for loss in losses[:-1])
    assert sum(len(losses) for losses in learned.losses) > STEPS


def test_the_source_comes_back_closer_than_by_guidance_alone(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair, learned: NullText
) -> None:
    def error(uncond: Tensor | None) -> float:
        back = published.sample(
            diffusers_parts,
            path[-1:],
            pair.source.caption,
            steps=STEPS,
            guidance_scale=SCALE,
            uncond=uncond,
        )
        return float((back - path[:1]).square().mean())

    # 3 dB of PSNR, in the latent.
    assert error(learned.embeddings) < 0.5 * error(None)


def test_nothing_is_learned_where_guidance_is_none(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    still = optimise(diffusers_parts, path, pair.source.caption, guidance_scale=1.0, inner_steps=2)
    null = diffusers_parts.embed([""]).expand_as(still.embeddings)
    torch.testing.assert_close(still.embeddings, null, rtol=0, atol=1e-6)
