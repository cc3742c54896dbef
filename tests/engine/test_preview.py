"""A linear look at latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import engine
from engine import codec
from engine.preview import LinearDecoder

EXAMPLES = Path(__file__).parents[2] / "examples"


def linear_picture(latent: torch.Tensor, factor: int) -> Image.Image:
    """The first three channels as colours, each element a flat block."""
    pixels = ((latent[0, :3].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels).resize(
        (latent.shape[3] * factor, latent.shape[2] * factor), Image.Resampling.NEAREST
    )


def random_latents(rows: int, channels: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    return torch.rand(rows, channels, height, width, generator=generator) * 1.6 - 0.8


@pytest.mark.parametrize("channels", [3, 4, 6])
def test_what_is_linear_in_the_latent_is_found_in_latents_never_seen(channels: int) -> None:
    latent, other = random_latents(1, channels, 24, 32), random_latents(2, channels, 24, 32)
    shown = LinearDecoder.fitted(latent, linear_picture(latent, 8))(other)
    wanted = [linear_picture(row[None], 4) for row in other]
    halves = [shown.crop((left, 0, left + 128, 96)) for left in (0, 128)]
    for half, want in zip(halves, wanted, strict=True):
        assert np.abs(np.asarray(half, float) - np.asarray(want, float)).mean() < 6


@pytest.mark.parametrize(
    ("height", "width", "factor", "shown"),
    [(64, 64, 8, (128, 128)), (16, 16, 4, (64, 64)), (96, 64, 8, (64, 96)), (1, 2, 8, (16, 8))],
)
def test_a_preview_is_small_and_of_the_pictures_form(
    height: int, width: int, factor: int, shown: tuple[int, int]
) -> None:
    latent = random_latents(1, 4, height, width)
    decoder = LinearDecoder.fitted(latent, Image.new("RGB", (width * factor, height * factor), "teal"))
    assert decoder(latent).size == shown


def test_a_real_latent_shows_its_picture_and_equal_latents_show_alike() -> None:
    model = engine.load("miniature")
    with Image.open(EXAMPLES / "cat.png") as file:
        picture = codec.fit(model, file)
    latent = codec.encode(model, picture)
    decoder, again = (LinearDecoder.fitted(latent, picture) for _ in range(2))
    shown = decoder(latent)
    assert shown.tobytes() == again(latent).tobytes()
    pixels, flat = np.asarray(picture, float), np.asarray(picture, float).mean((0, 1))
    assert np.square(np.asarray(shown, float) - pixels).mean() < 0.15 * np.square(flat - pixels).mean()


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 0.0])
def test_odd_latents_are_no_reason_to_fail(odd: float) -> None:
    latent = torch.full((1, 4, 8, 8), odd)
    assert LinearDecoder.fitted(latent, Image.new("RGB", (64, 64), "teal"))(latent).size == (64, 64)
