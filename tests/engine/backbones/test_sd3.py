"""Stable Diffusion 3 against diffusers' own pipeline on the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel

import engine
from engine import P2P, Edit, MasaCtrl, P2Plus, Plain, PlugAndPlay, SDEdit, UniEdit, codec
from engine.backbones.sd3 import StableDiffusion3
from engine.conditioning import Conditioning
from engine.denoise import denoise
from engine.errors import InvalidParameter, PromptTooLong, UnknownModel, UnsupportedByModel
from engine.guidance import ClassifierFree
from engine.lane import Lane
from parameters import EditParameters, choose
from tests.engine.backbones.tiny_sd3 import save_sd3

STEPS = 6
SIZE = (8, 12)
"""Height and width of latents."""
PROMPT = "a cat on grass, and a dog"


@pytest.fixture(scope="module")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sd3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def sd3(sd3_folder: Path) -> engine.Backbone:
    return engine.load(sd3_folder)


@pytest.fixture(scope="module")
def pipeline(sd3_folder: Path) -> StableDiffusion3Pipeline:
    """Diffusers' own, of parts that it reads itself."""
    pipe = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel.from_pretrained(sd3_folder / "transformer"),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(sd3_folder / "scheduler"),
        vae=AutoencoderKL.from_pretrained(sd3_folder / "vae"),
        text_encoder=CLIPTextModelWithProjection.from_pretrained(sd3_folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(sd3_folder / "tokenizer"),
        text_encoder_2=CLIPTextModelWithProjection.from_pretrained(sd3_folder / "text_encoder_2"),
        tokenizer_2=CLIPTokenizer.from_pretrained(sd3_folder / "tokenizer_2"),
        text_encoder_3=T5EncoderModel.from_pretrained(sd3_folder / "text_encoder_3"),
        tokenizer_3=AutoTokenizer.from_pretrained(sd3_folder / "tokenizer_3"),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def rows(sd3: engine.Backbone) -> Any:
    """The rows of each call of the transformer, as they happen."""
    seen: list[int] = []
    hook = sd3.network.register_forward_pre_hook(
        lambda _, args, options: seen.append(len(options["hidden_states"])), with_kwargs=True
    )
    yield seen
    hook.remove()


def noise(seed: int = 0) -> Tensor:
    return torch.randn(1, 4, *SIZE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("prompt", [PROMPT, ""])
def test_a_prompt_is_read_as_the_pipeline_reads_it(
    sd3: engine.Backbone, pipeline: StableDiffusion3Pipeline, prompt: str
) -> None:
    with torch.no_grad():
        context, _, pooled, _ = pipeline.encode_prompt(prompt, None, None, do_classifier_free_guidance=False)

    read = sd3.read(prompt, SIZE)

    torch.testing.assert_close(read.context, context, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(read.vectors["pooled"], pooled, rtol=1e-4, atol=1e-5)
    assert read.context.shape == (1, 24 + 256, 32)
    assert read.keys != sd3.read("a ball", SIZE).keys


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_guided_sampling_is_the_pipelines_at_any_size(
    sd3: engine.Backbone, pipeline: StableDiffusion3Pipeline, scale: float
) -> None:
    height, width = (side * sd3.vae_factor for side in SIZE)
    expected = pipeline(
        PROMPT,
        negative_prompt="a ball",
        height=height,
        width=width,
        num_inference_steps=STEPS,
        guidance_scale=scale,
        latents=noise(),
        output_type="latent",
    ).images

    conditionings = {"cond": sd3.read(PROMPT, SIZE), "uncond": sd3.read("a ball", SIZE)}
    lane = Lane(
        start=noise(),
        calls=sd3.schedule(STEPS, SIZE).denoising(),
        guidance=ClassifierFree(scale),
        conditionings=conditionings,
    )
    (mine,) = denoise(sd3, [lane])

    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)


def test_pictures_are_decoded_as_the_pipeline_does_and_encoded_the_other_way(
    sd3: engine.Backbone, pipeline: StableDiffusion3Pipeline, picture: Callable[..., Image.Image]
) -> None:
    image = picture(48, 32)
    with torch.no_grad():
        mode = pipeline.vae.encode(pipeline.image_processor.preprocess(image)).latent_dist.mode()
        latent = codec.encode(sd3, image)
        torch.testing.assert_close(latent, (mode - 0.0609) * 1.5305, rtol=1e-4, atol=1e-5)
        pixels = pipeline.vae.decode(latent / 1.5305 + 0.0609).sample
        (decoded,) = pipeline.image_processor.postprocess(pixels, output_type="pil")

    difference = np.array(codec.decode(sd3, latent)[0], int) - np.array(decoded, int)
    assert np.abs(difference).max() <= 1


def test_rows_of_a_batch_are_read_each_with_its_own_pooled_vector(sd3: engine.Backbone) -> None:
    x, level = noise(), sd3.schedule(STEPS, SIZE).levels[3]
    both = Conditioning.cat([sd3.read(prompt, SIZE) for prompt in (PROMPT, "a dog")])
    with torch.no_grad():
        together = sd3.predict(torch.cat([x, x]), level, both)
        alone = [sd3.predict(x, level, both.rows([row])) for row in range(2)]

    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(alone[0], alone[1], atol=1e-4)


@pytest.fixture(scope="module")
def record(sd3: engine.Backbone, picture: Callable[..., Image.Image]) -> engine.SourceRecord:
    return engine.invert(sd3, picture(48, 32), prompt=PROMPT, method="direct", steps=STEPS)


def test_an_inversion_is_eulers_method_backwards(
    sd3: engine.Backbone, record: engine.SourceRecord, picture: Callable[..., Image.Image]
) -> None:
    x, text = codec.encode(sd3, picture(48, 32)), sd3.read(PROMPT, SIZE)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(STEPS)
    sigmas = scheduler.sigmas.flip(0).tolist()
    levels = [x]
    with torch.no_grad():
        for sigma, higher in pairwise(sigmas):
            velocity = sd3.network(
                hidden_states=x,
                timestep=torch.tensor([1000 * higher]),
                encoder_hidden_states=text.context,
                pooled_projections=text.vectors["pooled"],
            ).sample
            x = x + (higher - sigma) * velocity
            levels.append(x)

    torch.testing.assert_close(record.trajectory, torch.cat(levels), rtol=1e-4, atol=1e-4)


def test_a_direct_inversion_is_edited_and_comes_back(
    sd3: engine.Backbone, record: engine.SourceRecord, picture: Callable[..., Image.Image], rows: list[int]
) -> None:
    expected = codec.decode(sd3, codec.encode(sd3, picture(48, 32)))[0]

    assert engine.reconstruct(sd3, record).tobytes() == expected.tobytes()
    assert rows == []
    asked = Edit(prompt=("a dog on grass", "a ball"), method=Plain(skip=0.5), negative_prompt="a cat")
    result = engine.edit(sd3, record, asked)
    assert rows == [4] * 3
    assert result.source.tobytes() == expected.tobytes()
    assert [image.size for image in result.images] == [(48, 32)] * 2
    assert result.images[0].tobytes() != result.images[1].tobytes()
    read = engine.SourceRecord.unpack(record.pack())
    again = engine.edit(sd3, read, asked)
    assert [one.tobytes() for one in again.images] == [one.tobytes() for one in result.images]


def test_an_aligned_inversion_is_retraced_by_its_own_prompt(
    sd3: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    record = engine.invert(sd3, picture(48, 32), prompt=PROMPT, method="aligned", steps=STEPS)
    result = engine.edit(sd3, record, Edit(prompt=PROMPT, method=Plain(), guidance_scale=1.0))
    (same,), expected = result.images, engine.reconstruct(sd3, record)
    assert np.abs(np.array(same, int) - np.array(expected, int)).max() <= 1


def test_edits_start_where_the_pipeline_would(
    sd3: engine.Backbone, pipeline: StableDiffusion3Pipeline, record: engine.SourceRecord
) -> None:
    (expected,) = pipeline(
        "a dog on grass",
        negative_prompt="",
        height=32,
        width=48,
        num_inference_steps=STEPS,
        guidance_scale=5.0,
        latents=record.trajectory[-1:],
    ).images

    asked = Edit(prompt="a dog on grass", method=Plain(), guidance_scale=5.0)
    (mine,) = engine.edit(sd3, record, asked).images

    assert np.abs(np.array(mine, int) - np.array(expected, int)).max() <= 1


@pytest.mark.parametrize("skip", [0.0, 0.4])
def test_noise_maps_of_a_flow_paint_the_picture(
    sd3: engine.Backbone, picture: Callable[..., Image.Image], skip: float
) -> None:
    image = picture(48, 32)
    record = engine.invert(sd3, image, prompt=PROMPT, method="edit-friendly", steps=STEPS)

    asked = Edit(prompt=PROMPT, method=Plain(skip=skip), guidance_scale=3.5)
    (mine,) = engine.edit(sd3, record, asked).images

    expected = codec.decode(sd3, codec.encode(sd3, image))[0]
    for painted in (mine, engine.reconstruct(sd3, record)):
        assert np.abs(np.array(painted, int) - np.array(expected, int)).max() <= 1


@torch.no_grad()
def test_uni_inv_and_uni_edit_of_a_flow_are_eulers_method(
    sd3: engine.Backbone, picture: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(STEPS)
    sigmas = scheduler.sigmas.flip(0).tolist()

    def velocity(x: Tensor, sigma: float, prompt: str) -> Tensor:
        text = sd3.read(prompt, SIZE)
        found: Tensor = sd3.network(
            hidden_states=x,
            timestep=torch.tensor([1000 * sigma]),
            encoder_hidden_states=text.context,
            pooled_projections=text.vectors["pooled"],
        ).sample
        return found

    path = [codec.encode(sd3, picture(48, 32))]
    u = velocity(path[0], 0.0, "")
    for sigma, higher in pairwise(sigmas):
        u = velocity(path[-1] + (higher - sigma) * u, higher, "")
        path.append(path[-1] + (higher - sigma) * u)
    record = engine.invert(sd3, picture(48, 32), prompt=PROMPT, method="uni-inv", steps=STEPS)
    torch.testing.assert_close(record.trajectory, torch.cat(path), rtol=1e-4, atol=1e-4)

    start = int(0.6 * STEPS)
    x = path[start]
    for lower, sigma in reversed(list(pairwise(sigmas[: start + 1]))):
        old, new = (velocity(x, sigma, prompt) for prompt in (PROMPT, "a dog"))
        region = (new - old).abs().mean(1, keepdim=True)
        region = (region - region.min()) / (region.max() - region.min())
        fused = region * new + (1 - region) * old
        x = x + (lower - sigma) * (fused + 2 * (1 + region) * (new - old))
    seen: list[Tensor] = []

    def decode(model: engine.Backbone, latent: Tensor) -> Image.Image:
        seen.append(latent)
        return Image.new("RGB", (48, 32))

    monkeypatch.setattr(codec, "decode_one", decode)
    engine.edit(sd3, record, Edit(prompt="a dog", method=UniEdit(alpha=0.6, omega=2.0)))
    torch.testing.assert_close(seen[-1], x[0], rtol=1e-3, atol=1e-3)


def test_sdedit_of_a_flow_starts_from_the_picture_under_noise(
    sd3: engine.Backbone,
    pipeline: StableDiffusion3Pipeline,
    record: engine.SourceRecord,
) -> None:
    """At full strength that is the noise alone."""
    (expected,) = pipeline(
        "a dog on grass",
        negative_prompt="",
        height=32,
        width=48,
        num_inference_steps=STEPS,
        guidance_scale=5.0,
        latents=torch.randn(record.trajectory[-1:].shape, generator=torch.Generator().manual_seed(3)),
    ).images

    asked = Edit(prompt="a dog on grass", method=SDEdit(strength=1.0), guidance_scale=5.0, seed=3)
    (mine,) = engine.edit(sd3, record, asked).images

    assert np.abs(np.array(mine, int) - np.array(expected, int)).max() <= 1


def test_null_text_keeps_the_pooled_vector_of_no_words(
    sd3: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    record = engine.invert(
        sd3, picture(48, 32), prompt=PROMPT, method="null-text", steps=2, params={"inner_steps": 2}
    )

    assert record.learned["uncond"].shape == (2, 24 + 256, 32)
    assert len(engine.edit(sd3, record, Edit(prompt="a dog", method=Plain())).images) == 1


UNSUPPORTED: list[EditParameters] = [
    P2P(),
    P2Plus(tau_u=0.5),
    PlugAndPlay(),
    MasaCtrl(),
    Plain(blend_words=["dog"]),
    Plain(subtract_words=["dog"]),
    Plain(attention=True),
]


@pytest.mark.parametrize("method", UNSUPPORTED, ids=lambda method: method.name)
def test_what_looks_into_layers_is_refused_before_any_call(
    sd3: engine.Backbone, record: engine.SourceRecord, rows: list[int], method: EditParameters
) -> None:
    with pytest.raises(UnsupportedByModel) as caught:
        engine.edit(sd3, record, Edit(prompt="a dog on grass", method=method))

    assert (caught.value.name, rows) == (sd3.spec.name, [])
    assert caught.value.code == "unsupported_by_model"
    assert str(caught.value).endswith(f"; {caught.value.instead}")


@pytest.mark.parametrize("method", ["stylediffusion", "stylediffusion-faithful"])
def test_an_inversion_that_fits_attention_is_refused_before_the_picture_is_encoded(
    sd3: engine.Backbone, picture: Callable[..., Image.Image], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "encode", None)
    with pytest.raises(UnsupportedByModel, match=r"no cross-attention.*aligned, ddim"):
        engine.invert(sd3, picture(32, 32), prompt=PROMPT, method=method, steps=2)


def test_the_words_that_change_are_not_looked_for(
    sd3: engine.Backbone, record: engine.SourceRecord, rows: list[int]
) -> None:
    with pytest.raises(UnsupportedByModel, match=r"give it as \[x, y, width, height\]"):
        engine.find(sd3, record, [1])

    assert rows == []


@pytest.mark.parametrize("kept", [None, "direct"])
def test_what_auto_chooses_is_painted(
    sd3: engine.Backbone, picture: Callable[..., Image.Image], kept: str | None
) -> None:
    chosen = choose(PROMPT, ["a dog on grass, and a dog"], kept=kept, offers=sd3.offers)
    method = chosen.inversion or kept or "aligned"
    record = engine.invert(sd3, picture(32, 32), prompt=PROMPT, method=method, steps=2)

    assert engine.edit(sd3, record, Edit(prompt=chosen.targets, method=chosen.params)).images


def test_what_the_files_imply(sd3: engine.Backbone) -> None:
    assert isinstance(sd3, StableDiffusion3)
    assert (sd3.spec.size, sd3.stride, sd3.token_limit, sd3.sites) == (32, 8, 24, ())
    assert sd3.offers == {"unconditional"}
    assert codec.fit(sd3, Image.new("RGB", (75, 50))).size == (48, 32)
    levels = sd3.schedule(STEPS).levels
    assert (levels[0].a, levels[0].s, levels[-1].a, levels[-1].s) == (1, 0, 0, 1)
    for part in (sd3.network, sd3.vae, sd3.t5.network, *(clip.network for clip in sd3.clips)):
        assert not part.training
        assert not any(weight.requires_grad for weight in part.parameters())


@pytest.mark.parametrize("steps", [0, 1001, 2.5, True])
def test_step_counts_out_of_range_are_refused(sd3: engine.Backbone, steps: Any) -> None:
    with pytest.raises(InvalidParameter, match="steps"):
        sd3.schedule(steps)


def test_a_prompt_too_long_for_clip_is_refused(sd3: engine.Backbone, record: engine.SourceRecord) -> None:
    with pytest.raises(PromptTooLong):
        sd3.read("dog " * 30, SIZE)
    with pytest.raises(PromptTooLong):
        engine.edit(sd3, record, Edit(prompt="dog " * 30, method=Plain()))


def test_half_precision_keeps_latents_in_full(sd3_folder: Path, picture: Callable[..., Image.Image]) -> None:
    half = engine.load(sd3_folder, dtype="bfloat16")
    record = engine.invert(half, picture(32, 32), prompt=PROMPT, steps=2)

    assert record.trajectory.dtype == torch.float32
    assert len(engine.edit(half, record, Edit(prompt="a dog", method=Plain())).images) == 1


@pytest.mark.parametrize("part", ["text_encoder_3", "tokenizer_2", "transformer", "vae"])
def test_a_folder_that_lacks_a_part_is_refused(sd3_folder: Path, tmp_path: Path, part: str) -> None:
    copy = Path(shutil.copytree(sd3_folder, tmp_path / "copy"))
    shutil.rmtree(copy / part)

    with pytest.raises(UnknownModel, match=part):
        engine.load(copy)


def test_a_transformer_of_other_latents_is_refused(sd3_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(sd3_folder, tmp_path / "copy"))
    config = json.loads((copy / "transformer" / "config.json").read_text())
    wider = SD3Transformer2DModel(
        **{name: value for name, value in config.items() if not name.startswith("_")} | {"in_channels": 16}
    )
    wider.save_pretrained(copy / "transformer")

    with pytest.raises(UnknownModel, match="other latents"):
        engine.load(copy)


def test_a_schedule_that_needs_more_than_its_steps_is_refused(sd3_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(sd3_folder, tmp_path / "copy"))
    FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True).save_pretrained(copy / "scheduler")

    with pytest.raises(UnknownModel, match="mu"):
        engine.load(copy)
