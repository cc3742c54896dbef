"""DDIM as diffusers' own scheduler and pipeline have it."""

from __future__ import annotations

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from benchmarks import published
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS


def test_sampling_is_the_pipeline_of_diffusers(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    pipeline = StableDiffusionPipeline(
        unet=diffusers_parts.unet,
        vae=diffusers_parts.vae,
        text_encoder=diffusers_parts.text_encoder,
        tokenizer=diffusers_parts.tokenizer,
        scheduler=diffusers_parts.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        pair.target.caption,
        latents=path[-1:],
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        output_type="latent",
    ).images
    ours = published.sample(diffusers_parts, path[-1:], pair.target.caption, steps=STEPS, guidance_scale=7.5)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_steps_and_their_inversion_cancel(diffusers_parts: published.Parts, path: Tensor) -> None:
    levels = published.Levels.of(diffusers_parts, STEPS)
    there = levels.move(path[2:3], path[:1], 2, 4)
    torch.testing.assert_close(levels.move(there, path[:1], 4, 2), path[2:3], rtol=0, atol=1e-5)
    assert len(levels) == STEPS
    assert levels.timesteps[1:] == (1, 201, 401, 601, 801)


def test_words_have_the_tokens_that_are_theirs(diffusers_parts: published.Parts) -> None:
    prompt = "a cat and a watercolour of a cat"
    ids = diffusers_parts.ids(prompt)
    for word in ("cat", "watercolour"):
        found = [ids[at] for at in diffusers_parts.positions(prompt, word)]
        assert found == diffusers_parts.ids(word)[1:-1] * prompt.split().count(word)
