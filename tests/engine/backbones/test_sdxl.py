"""Stable Diffusion XL against diffusers' own pipeline on the same weights, and with every method."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

import engine
from engine import INVERTERS, P2P, Edit, P2Plus, Plain, PlugAndPlay, codec
from engine.backbones.sdxl import StableDiffusionXL
from engine.errors import Incompatible, UnknownModel, UnsupportedByModel
from parameters import EDITS, for_pictures
from tests.engine.backbones.parity import PROMPT, SIZE, by_pipeline, same_codec, sampled
from tests.engine.backbones.tiny_sdxl import save_sdxl

STEPS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sdxl(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="module")
def sdxl(folder: Path) -> engine.Backbone:
    return engine.load(folder)


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> StableDiffusionXLPipeline:
    config = {
        **json.loads((folder / "scheduler" / "scheduler_config.json").read_text()),
        "clip_sample": False,
    }
    return StableDiffusionXLPipeline(
        unet=UNet2DConditionModel.from_pretrained(folder / "unet"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2"),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        scheduler=DDIMScheduler.from_config(config),
        add_watermarker=False,
    )


@pytest.mark.parametrize(("scale", "negative"), [(1.0, "a red ball"), (5.0, "a red ball"), (5.0, "")])
def test_guided_sampling_is_the_pipelines_at_any_size(
    sdxl: engine.Backbone, pipeline: StableDiffusionXLPipeline, scale: float, negative: str
) -> None:
    expected = by_pipeline(pipeline, sdxl.vae_factor, 4, scale, negative or None)

    torch.testing.assert_close(sampled(sdxl, 4, scale, negative), expected, rtol=1e-4, atol=1e-4)


def test_pictures_are_encoded_and_decoded_as_the_pipeline_does(
    sdxl: engine.Backbone, pipeline: StableDiffusionXLPipeline, picture: Callable[..., Image.Image]
) -> None:
    same_codec(sdxl, pipeline.vae, picture(96, 64), 0.13025)


def test_what_the_files_imply(sdxl: engine.Backbone) -> None:
    assert isinstance(sdxl, StableDiffusionXL)
    assert (sdxl.family, sdxl.spec.size, sdxl.stride) == ("Stable Diffusion XL", 64, 16)
    assert {site.kind for site in sdxl.sites} == {"self", "cross", "feature"}
    assert len([site for site in sdxl.sites if site.kind == "cross"]) == 1 + 2 + 2 + 2 * 2 + 2 * 1


@pytest.fixture(scope="module")
def image(picture: Callable[..., Image.Image]) -> Image.Image:
    return picture(96, 64)


def test_a_direct_inversion_comes_back_as_the_autoencoder_gives_it(
    sdxl: engine.Backbone, image: Image.Image
) -> None:
    record = engine.invert(sdxl, image, prompt=PROMPT, steps=STEPS)

    assert record.trajectory.shape == (STEPS + 1, 4, *SIZE)
    assert (
        engine.reconstruct(sdxl, record).tobytes()
        == codec.decode(sdxl, codec.encode(sdxl, image))[0].tobytes()
    )


@pytest.mark.parametrize("inverter", sorted(set(for_pictures()) - {"stylediffusion-faithful"}))
def test_every_inverter_and_method_runs_that_go_together(
    sdxl: engine.Backbone, image: Image.Image, inverter: str
) -> None:
    learns = INVERTERS[inverter].inner_steps_of(STEPS, INVERTERS[inverter].params())
    params = {"inner_steps": 1} if learns else {}
    record = engine.invert(sdxl, image, prompt=PROMPT, method=inverter, steps=STEPS, params=params)

    assert engine.reconstruct(sdxl, record).size == image.size
    for kind in EDITS.values():
        with suppress(Incompatible):
            asked = Edit(prompt="a dog on grass, and a dog", method=kind())
            assert engine.edit(sdxl, record, asked).images[0].size == image.size


def test_an_inversion_that_looks_at_the_picture_is_refused_without_a_vision_tower(
    sdxl: engine.Backbone, image: Image.Image
) -> None:
    with pytest.raises(UnsupportedByModel, match="no vision tower"):
        engine.invert(sdxl, image, prompt=PROMPT, method="stylediffusion-faithful", steps=STEPS)


@pytest.mark.parametrize("method", [P2P(blend_words="changed"), P2Plus(), PlugAndPlay(), Plain()], ids=repr)
def test_methods_that_look_inside_do_something(
    sdxl: engine.Backbone, image: Image.Image, method: Any
) -> None:
    record = engine.invert(sdxl, image, prompt=PROMPT, steps=STEPS)
    (made,) = engine.edit(sdxl, record, Edit(prompt="a dog on grass, and a dog", method=method)).images

    assert made.tobytes() != engine.reconstruct(sdxl, record).tobytes()


def test_the_autoencoder_is_in_float32_where_its_configuration_says_so(
    folder: Path, image: Image.Image
) -> None:
    half = engine.load(folder, dtype="float16")

    assert (half.network.dtype, half.vae.dtype) == (torch.float16, torch.float32)
    record = engine.invert(half, image, prompt=PROMPT, steps=STEPS)
    assert engine.edit(half, record, Edit(prompt="a dog on grass, and a dog")).images[0].size == image.size


def test_the_refiner_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = json.loads((copy / "unet" / "config.json").read_text())
    config["projection_class_embeddings_input_dim"] -= 4
    (copy / "unet" / "config.json").write_text(json.dumps(config))

    with pytest.raises(UnknownModel, match="refiner"):
        engine.load(copy)


def test_a_folder_with_one_text_encoder_is_told_to_be_sdxl(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.rmtree(copy / "text_encoder_2")

    with pytest.raises(UnknownModel, match="StableDiffusionXL, and there is no text_encoder_2"):
        engine.load(copy)
