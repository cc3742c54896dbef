"""DDIM as diffusers' own scheduler and pipeline have it."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

import engine
from benchmarks import published
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS


@pytest.fixture
def pipeline(diffusers_parts: published.Parts) -> StableDiffusionPipeline:
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
    return pipeline


def test_sampling_is_the_pipeline_of_diffusers(
    diffusers_parts: published.Parts, pipeline: StableDiffusionPipeline, path: Tensor, pair: Pair
) -> None:
    theirs = pipeline(
        pair.target.caption,
        latents=path[-1:],
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        output_type="latent",
    ).images
    ours = published.sample(diffusers_parts, path[-1:], pair.target.caption, steps=STEPS, guidance_scale=7.5)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_a_painted_picture_is_the_pipelines(
    models: engine.Backbone, pipeline: StableDiffusionPipeline
) -> None:
    params = engine.Painted(seed=3, width=96, height=64, negative_prompt="snow")
    ours = engine.paint(models, prompt="a cat on grass", steps=STEPS, params=params)
    theirs = pipeline(
        "a cat on grass",
        negative_prompt="snow",
        width=96,
        height=64,
        generator=torch.Generator().manual_seed(3),
        num_inference_steps=STEPS,
        guidance_scale=models.spec.guidance_scale,
        output_type="latent",
    ).images
    torch.testing.assert_close(ours.trajectory[:1], theirs, rtol=0, atol=1e-4)


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
