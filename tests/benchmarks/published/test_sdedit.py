"""SDEdit on the miniature."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_img2img
from torch import Tensor

from benchmarks import published
from benchmarks.published import sdedit
from miniature.pairs import Pair


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_it_is_the_pipeline_of_diffusers(
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    strength: float,
) -> None:
    """Which draws its latent from the autoencoder's posterior, where we take the mean."""
    monkeypatch.setattr(
        pipeline_stable_diffusion_img2img, "retrieve_latents", lambda output, **_: output.latent_dist.mean
    )
    pipeline = StableDiffusionImg2ImgPipeline(
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
        image=pair.image,
        strength=strength,
        num_inference_steps=10,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(5),
        output_type="latent",
    ).images
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(5))
    ours = sdedit.edit(diffusers_parts, latent, pair.target.caption, noise, steps=10, strength=strength)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
