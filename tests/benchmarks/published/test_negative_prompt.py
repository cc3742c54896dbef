"""Negative-prompt inversion and proximal guidance on the miniature."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.negative_prompt import sample
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS


def test_the_source_is_sampled_unguided_at_any_scale(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    prompt = pair.source.caption
    found = sample(diffusers_parts, path[-1:], prompt, prompt, steps=STEPS, guidance_scale=7.5)
    plain = published.sample(diffusers_parts, path[-1:], prompt, steps=STEPS, guidance_scale=1.0)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-4)


def test_thresholding_most_of_the_guidance_keeps_more_of_the_source(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    source, target = pair.source.caption, pair.target.caption
    kept, *edited = (
        sample(diffusers_parts, path[-1:], source, prompt, steps=STEPS, guidance_scale=4.0, quantile=quantile)
        for prompt, quantile in ((source, None), (target, 0.9), (target, None))
    )
    thresholded, whole = (float((latent - kept).square().mean()) for latent in edited)
    assert 0 < thresholded < 0.8 * whole
