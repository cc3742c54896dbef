"""Pictures to latents and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

import engine
from engine import codec
from engine.errors import InvalidImage, PromptTooLong


@pytest.mark.parametrize(
    ("given", "fitted"),
    [
        ((32, 32), (32, 32)),
        ((300, 200), (48, 32)),
        ((200, 300), (32, 48)),
        ((64, 32), (64, 32)),
        ((640, 480), (40, 32)),
        ((1, 1), (32, 32)),
        ((5, 7), (32, 40)),
    ],
)
def test_a_picture_is_fitted_to_the_models_size_and_stride(
    models: engine.Models,
    picture: Callable[..., Image.Image],
    given: tuple[int, int],
    fitted: tuple[int, int],
) -> None:
    assert codec.fit(models, picture(*given)).size == fitted


def test_a_picture_that_fits_is_not_touched(models: engine.Models, image: Image.Image) -> None:
    assert codec.fit(models, image).tobytes() == image.tobytes()


def test_the_crop_is_central(models: engine.Models) -> None:
    wide = np.zeros((32, 46, 3), dtype=np.uint8)
    wide[:, 3:-3] = 255

    assert np.array(codec.fit(models, Image.fromarray(wide))).min() == 255


@pytest.mark.parametrize("size", [(65, 32), (32, 65), (400, 10)])
def test_a_picture_more_than_twice_as_long_as_wide_is_refused(
    models: engine.Models, size: tuple[int, int]
) -> None:
    with pytest.raises(InvalidImage):
        codec.fit(models, Image.new("RGB", size))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_other_modes_are_converted(models: engine.Models, mode: str) -> None:
    assert codec.fit(models, Image.new(mode, (32, 32))).mode == "RGB"


def test_a_latent_is_the_scaled_mean_and_always_the_same(models: engine.Models, image: Image.Image) -> None:
    pixels = torch.from_numpy(np.array(image)).float().permute(2, 0, 1)[None] / 255 * 2 - 1
    with torch.no_grad():
        mean = models.vae.encode(pixels).latent_dist.mean

    latent = codec.encode(models, image)

    torch.testing.assert_close(latent, mean * models.vae.config.scaling_factor)
    assert torch.equal(latent, codec.encode(models, image))
    assert (latent.dtype, latent.shape) == (torch.float32, (1, 4, 8, 8))


def test_a_picture_does_not_depend_on_its_company(models: engine.Models) -> None:
    latents = torch.randn(3, 4, 8, 12, generator=torch.Generator().manual_seed(0))

    together = codec.decode(models, latents)
    alone = [codec.decode(models, latent[None])[0] for latent in latents]

    assert [one.tobytes() for one in together] == [one.tobytes() for one in alone]
    assert together[0].size == (48, 32)


def test_prompts_become_what_the_text_model_says(models: engine.Models) -> None:
    embedding = codec.embed(models, codec.tokens(models, "a cat"))
    ids = models.tokenizer("a cat", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        expected = models.text_encoder(ids)[0]

    assert torch.equal(embedding, expected)
    with pytest.raises(PromptTooLong):
        codec.tokens(models, "cat " * 30)
