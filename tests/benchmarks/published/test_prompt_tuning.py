"""Prompt Tuning inversion on the miniature."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.prompt_tuning import edit, optimise
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS

SCALE = 7.5


@pytest.fixture(scope="module")
def learned(diffusers_parts: published.Parts, null_path: Tensor) -> Tensor:
    return optimise(diffusers_parts, null_path, "", guidance_scale=SCALE, inner_steps=6)


def test_the_source_comes_back_closer_than_by_the_empty_prompt(
    diffusers_parts: published.Parts, null_path: Tensor, learned: Tensor
) -> None:
    null = diffusers_parts.embed([""]).expand_as(learned)

    def error(embeddings: Tensor) -> float:
        back = edit(diffusers_parts, null_path[-1:], embeddings, "", eta=0.0, guidance_scale=SCALE)
        return float((back - null_path[:1]).square().mean())

    assert error(learned) < 0.5 * error(null)


def test_eta_leads_from_the_source_to_the_target(
    diffusers_parts: published.Parts, null_path: Tensor, learned: Tensor, pair: Pair
) -> None:
    prompt = pair.target.caption
    made = [
        edit(diffusers_parts, null_path[-1:], learned, prompt, eta=eta, guidance_scale=SCALE)
        for eta in (0.0, 0.5, 1.0)
    ]
    plain = published.sample(diffusers_parts, null_path[-1:], prompt, steps=STEPS, guidance_scale=SCALE)
    torch.testing.assert_close(made[-1], plain, rtol=0, atol=1e-4)
    off = [float((latent - made[0]).square().mean()) for latent in made]
    assert off == sorted(set(off))
