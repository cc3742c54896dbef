"""Uni-Inv and Uni-Edit on the miniature."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.uniedit import edit, invert
from miniature.pairs import Pair

STEPS = 10


def test_uni_inv_comes_back_closer_than_ddim(diffusers_parts: published.Parts, latent: Tensor) -> None:
    """Without a prompt and from the top."""
    gaps = [
        float((edit(diffusers_parts, path, "", "", alpha=1.0) - latent).square().mean())
        for path in (
            invert(diffusers_parts, latent, STEPS),
            published.invert(diffusers_parts, latent, "", STEPS),
        )
    ]
    assert gaps[0] < 0.5 * gaps[1]


def test_an_edit_of_nothing_is_sampling_without_guidance(
    diffusers_parts: published.Parts, latent: Tensor, pair: Pair
) -> None:
    path, prompt = invert(diffusers_parts, latent, STEPS), pair.source.caption
    found = edit(diffusers_parts, path, prompt, prompt, alpha=1.0)
    plain = published.sample(diffusers_parts, path[-1:], prompt, steps=STEPS, guidance_scale=1.0)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-4)
