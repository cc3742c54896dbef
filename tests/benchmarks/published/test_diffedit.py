"""DiffEdit on the miniature."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMInverseScheduler, StableDiffusionDiffEditPipeline
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from benchmarks import published
from benchmarks.published import diffedit
from miniature.pairs import Pair

STEPS, MAPS = 10, 3


@pytest.fixture(scope="module")
def pipeline(diffusers_parts: published.Parts) -> StableDiffusionDiffEditPipeline:
    pipeline = StableDiffusionDiffEditPipeline(
        unet=diffusers_parts.unet,
        vae=diffusers_parts.vae,
        text_encoder=diffusers_parts.text_encoder,
        tokenizer=diffusers_parts.tokenizer,
        scheduler=diffusers_parts.scheduler,
        inverse_scheduler=DDIMInverseScheduler.from_config(diffusers_parts.scheduler.config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_the_mask_is_the_pipelines_of_diffusers(
    diffusers_parts: published.Parts,
    pipeline: StableDiffusionDiffEditPipeline,
    latent: Tensor,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which draws its latent from the autoencoder's posterior, where we take the mean."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, _: self.mean)
    theirs = pipeline.generate_mask(
        image=pair.image,
        source_prompt=pair.source.caption,
        target_prompt=pair.target.caption,
        num_maps_per_mask=MAPS,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(5),
        output_type="np",
    )
    noise = torch.randn(MAPS, *latent.shape[1:], generator=torch.Generator().manual_seed(5))
    ours = diffedit.difference(
        diffusers_parts, latent, pair.source.caption, pair.target.caption, noise, steps=STEPS
    )
    assert torch.equal(ours > 0.5, torch.from_numpy(theirs[0]).bool())
    assert 0 < (ours > 0.5).float().mean() < 0.5


def test_the_edit_is_the_pipelines_of_diffusers(
    diffusers_parts: published.Parts, pipeline: StableDiffusionDiffEditPipeline, latent: Tensor, pair: Pair
) -> None:
    """It has one list for where it starts and what it pastes, so that the first of it serves for both."""
    path = published.invert(diffusers_parts, latent, pair.source.caption, STEPS)[:9]
    path[7] = path[8]
    mask = torch.zeros(latent.shape[-2:])
    mask[2:9, 4:12] = 1
    theirs = pipeline(
        prompt=pair.target.caption,
        mask_image=mask,
        image_latents=path[:8].flip(0)[None],
        num_inference_steps=STEPS,
        inpaint_strength=0.8,
        output_type="latent",
    ).images
    whole = torch.cat([path, torch.zeros(2, *path.shape[1:])])
    ours = diffedit.edit(diffusers_parts, whole, pair.target.caption, mask.bool(), strength=0.8)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    assert torch.equal(ours[..., mask == 0], path[:1][..., mask == 0])
