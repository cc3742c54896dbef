"""What the backbones of U-Nets are compared with diffusers' pipelines by."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import engine
from engine import codec
from engine.denoise import denoise
from engine.lane import Lane

PROMPT, NEGATIVE = "a cat on grass, and a dog", "a red ball"
SIZE = (16, 24)
"""Height and width of latents."""


def noise(channels: int = 4) -> Tensor:
    return torch.randn(1, channels, *SIZE, generator=torch.Generator().manual_seed(0))


def sampled(
    model: engine.Backbone, steps: int, scale: float, negative: str = NEGATIVE, start: Tensor | None = None
) -> Tensor:
    """Guided sampling from noise by the engine's own loop."""
    prompts = {"cond": PROMPT, "uncond": negative}
    lane = Lane(
        start=noise() if start is None else start,
        calls=model.schedule(steps, SIZE).denoising(),
        guidance=model.guidance(scale),
        conditionings={name: model.guided(model.read(text, SIZE), scale) for name, text in prompts.items()},
    )
    (latent,) = denoise(model, [lane])
    return latent


def by_pipeline(
    pipeline: Any, factor: int, steps: int, scale: float, negative: str | None = NEGATIVE
) -> Tensor:
    """The same by diffusers."""
    pipeline.set_progress_bar_config(disable=True)
    found: Tensor = pipeline(
        PROMPT,
        negative_prompt=negative,
        height=SIZE[0] * factor,
        width=SIZE[1] * factor,
        num_inference_steps=steps,
        guidance_scale=scale,
        latents=noise(),
        output_type="latent",
    ).images
    return found


def same_codec(model: engine.Backbone, vae: Any, image: Image.Image, scaling: float) -> None:
    """Encode and decode agree with the autoencoder as diffusers runs it."""
    with torch.no_grad():
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1
        expected = vae.encode(pixels).latent_dist.mode() * scaling
        latent = codec.encode(model, image)
        torch.testing.assert_close(latent, expected, rtol=1e-4, atol=1e-4)
        decoded = vae.decode(latent / scaling).sample.clamp(-1, 1)
    mine = torch.from_numpy(np.array(codec.decode(model, latent)[0])).permute(2, 0, 1)[None] / 127.5 - 1
    torch.testing.assert_close(mine, decoded, rtol=0, atol=1 / 255 + 1e-4)
