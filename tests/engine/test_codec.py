"""Pictures to latents and back."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.configuration_utils import FrozenDict
from PIL import Image

import engine
from engine import codec
from engine.errors import InvalidImage, NumericalError
from pictures import Fit


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
    model: engine.Backbone,
    picture: Callable[..., Image.Image],
    given: tuple[int, int],
    fitted: tuple[int, int],
) -> None:
    assert codec.fit(model, picture(*given)).size == fitted


def test_a_picture_that_fits_is_not_touched(model: engine.Backbone, image: Image.Image) -> None:
    assert codec.fit(model, image).tobytes() == image.tobytes()


def test_the_crop_is_central(model: engine.Backbone) -> None:
    wide = np.zeros((32, 46, 3), dtype=np.uint8)
    wide[:, 3:-3] = 255

    assert np.array(codec.fit(model, Image.fromarray(wide))).min() == 255


@pytest.mark.parametrize("size", [(65, 32), (32, 65), (400, 10)])
def test_a_picture_more_than_twice_as_long_as_wide_is_refused(
    model: engine.Backbone, size: tuple[int, int]
) -> None:
    with pytest.raises(InvalidImage, match="fit 'crop'"):
        codec.fit(model, Image.new("RGB", size))


@pytest.mark.parametrize(
    ("how", "fitted"), [(Fit.CROP, (64, 32)), (Fit.PAD, (64, 32)), (Fit.STRETCH, (64, 32))]
)
def test_a_longer_one_is_made_to_fit_as_asked(
    model: engine.Backbone, how: Fit, fitted: tuple[int, int]
) -> None:
    assert codec.fit(model, Image.new("RGB", (400, 100)), how).size == fitted


def test_a_colour_profile_is_heeded(model: engine.Backbone) -> None:
    with Image.open(Path(__file__).parent.parent / "cases" / "p3_red.png") as image:
        assert codec.fit(model, image).getcolors() == [(32 * 32, (255, 0, 0))]


def grey16(value: int) -> Image.Image:
    return Image.fromarray(np.full((32, 32), value, dtype=np.uint16))


def palette(*alphas: int) -> Image.Image:
    """Red throughout, in a palette each of whose colours has its own opacity."""
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0])
    image.info["transparency"] = bytes(alphas)
    return image


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (32, 32), 7), (7, 7, 7)),
        (Image.new("1", (32, 32), 1), (255, 255, 255)),
        (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), (255, 0, 0)),
        (Image.new("RGBA", (32, 32), (0, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (32, 32), (255, 0, 0, 51)), (255, 204, 204)),
        (Image.new("LA", (32, 32), (0, 51)), (204, 204, 204)),
        (palette(0), (255, 255, 255)),
        (palette(255), (255, 0, 0)),
        (grey16(65535), (255, 255, 255)),
        (grey16(257 * 100), (100, 100, 100)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_every_mode_becomes_the_colour_one_sees(
    model: engine.Backbone, image: Image.Image, colour: tuple[int, int, int]
) -> None:
    assert codec.fit(model, image).getcolors() == [(32 * 32, colour)]


def test_a_picture_is_turned_as_its_camera_was_held(model: engine.Backbone) -> None:
    lying = Image.new("RGB", (48, 32), "red")
    lying.paste("blue", (0, 0, 8, 32))
    lying.getexif()[0x0112] = 6

    upright = codec.fit(model, lying)

    assert upright.size == (32, 48)
    assert upright.getpixel((16, 0)) == (0, 0, 255)
    assert upright.getpixel((16, 47)) == (255, 0, 0)


def closed() -> Image.Image:
    image = Image.new("RGB", (32, 32))
    image.close()
    return image


def cut_off() -> Image.Image:
    file = io.BytesIO()
    Image.radial_gradient("L").save(file, "PNG")
    return Image.open(io.BytesIO(file.getvalue()[:-2000]))


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (closed(), "cannot be read"),
        (cut_off(), "cannot be read"),
        (Image.new("I", (32, 32)), "of mode I,"),
        (Image.new("F", (32, 32)), "of mode F,"),
        (Image.new("RGB", (0, 0)), "no pixels"),
        (Image.new("RGB", (32, 0)), "no pixels"),
        (np.zeros((32, 32, 3), dtype=np.uint8), "of type ndarray"),
        (None, "of type NoneType"),
    ],
    ids=["closed", "cut off", "I", "F", "no pixels", "no height", "array", "none"],
)
def test_what_is_no_readable_picture_is_refused(model: engine.Backbone, image: Any, reason: str) -> None:
    with pytest.raises(InvalidImage, match=reason):
        codec.fit(model, image)


def test_a_latent_is_the_scaled_mean_and_always_the_same(model: engine.Backbone, image: Image.Image) -> None:
    pixels = torch.from_numpy(np.array(image)).float().permute(2, 0, 1)[None] / 255 * 2 - 1
    with torch.no_grad():
        mean = model.vae.encode(pixels).latent_dist.mean

    latent = codec.encode(model, image)

    torch.testing.assert_close(latent, mean * model.vae.config.scaling_factor)
    assert torch.equal(latent, codec.encode(model, image))
    assert (latent.dtype, latent.shape) == (torch.float32, (1, 4, 8, 8))


def test_a_picture_does_not_depend_on_its_company(model: engine.Backbone) -> None:
    latents = torch.randn(3, 4, 8, 12, generator=torch.Generator().manual_seed(0))

    together = codec.decode(model, latents)
    alone = [codec.decode(model, latent[None])[0] for latent in latents]

    assert [one.tobytes() for one in together] == [one.tobytes() for one in alone]
    assert together[0].size == (48, 32)


def test_a_picture_of_nan_is_an_error_and_not_black(model: engine.Backbone) -> None:
    with pytest.raises(NumericalError, match="decode"):
        codec.decode_one(model, torch.full((4, 8, 8), float("nan")))


def test_latents_are_shifted_and_scaled_there_and_back(
    model: engine.Backbone, image: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = codec.encode(model, image)
    picture = codec.decode(model, plain)[0]
    monkeypatch.setattr(model.vae, "_internal_dict", FrozenDict({**model.vae.config, "shift_factor": 0.25}))

    shifted = codec.encode(model, image)

    torch.testing.assert_close(shifted, plain - 0.25 * model.vae.config.scaling_factor)
    again = np.array(codec.decode(model, shifted)[0], int)
    assert np.abs(again - np.array(picture, int)).max() <= 1


def test_vision_features_are_all_tokens_after_the_final_norm(
    model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    outcomes = []
    hook = model.vision.post_layernorm.register_forward_hook(lambda _, given, out: outcomes.append(out))
    features = codec.vision_features(model, picture(16, 16))
    hook.remove()

    pooled, tokens = outcomes
    assert features.shape == (1, 5, 10)
    assert features.dtype == torch.float32
    assert torch.equal(features, tokens)
    torch.testing.assert_close(features[:, 0], pooled)


def test_a_whole_picture_of_any_shape_is_seen(
    model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    wide = picture(48, 32)
    edge = wide.copy()
    edge.paste("white", (0, 0, 4, 32))

    features = codec.vision_features(model, wide)

    assert features.shape == (1, 5, 10)
    assert not torch.allclose(codec.vision_features(model, edge), features)


def test_pixels_are_scaled_as_the_folder_says(
    folder: Path, tmp_path: Path, picture: Callable[..., Image.Image]
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "feature_extractor").mkdir()
    (copy / "feature_extractor" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})
    )
    seen: list[torch.Tensor] = []
    scaled = engine.load(copy)
    hook = scaled.vision.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    image = picture(16, 16)

    codec.vision_features(scaled, image)
    hook.remove()

    expected = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1
    torch.testing.assert_close(seen[0], expected)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_what_does_not_fit_into_memory_is_done_in_tiles_and_the_denoiser_is_not_asked_again(
    model: engine.Backbone,
    picture: Callable[..., Image.Image],
    network_rows: list[int],
    part: str,
) -> None:
    image = picture(64, 64)
    record = engine.invert(model, image, prompt="a cat", steps=2)
    expected = engine.edit(model, record, engine.Edit(prompt="a dog", method=engine.Plain()))
    largest = 32 if part == "encoder" else 8

    def full(module: Any, args: Any) -> None:
        if max(args[0].shape[-2:]) > largest:
            raise torch.OutOfMemoryError("full")

    hook = getattr(model.vae, part).register_forward_pre_hook(full)
    network_rows.clear()
    try:
        latent = codec.encode(model, image)
        result = engine.edit(model, record, engine.Edit(prompt="a dog", method=engine.Plain()))
    finally:
        hook.remove()

    assert network_rows == [2, 2]
    assert not model.vae.use_tiling
    torch.testing.assert_close(latent, codec.encode(model, image), rtol=0, atol=0.5)
    difference = np.array(result.images[0], int) - np.array(expected.images[0], int)
    assert np.abs(difference).mean() < 20


def test_what_overflows_in_half_precision_is_decoded_in_float32(folder: Path) -> None:
    half = engine.load(folder, dtype="float16")
    half.vae.to(torch.float16)
    latent = torch.full((1, 4, 8, 8), 0.1)
    expected = codec.decode(half, latent)[0]

    def overflow(module: Any, args: Any, output: Any) -> Any:
        return output * float("inf") if output.dtype == torch.float16 else output

    half.vae.decoder.register_forward_hook(overflow)
    difference = np.array(codec.decode(half, latent)[0], int) - np.array(expected, int)
    assert np.abs(difference).max() <= 2
    assert half.vae.dtype == torch.float16
