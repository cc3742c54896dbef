"""Stable Diffusion 1 and 2, consistency and turbo models, against diffusers; and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

import engine
from engine import P2P, Edit, P2Plus, Plain, PlugAndPlay, UniEdit, codec
from engine.errors import InvalidParameter, UnknownModel, UnsupportedByModel
from parameters import for_pictures
from tests.engine.backbones.parity import PROMPT, by_pipeline, noise, same_codec, sampled
from tests.engine.conftest import save_model

NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
V = {**NOISE, "prediction_type": "v_prediction"}
ZERO = {**V, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
SCHEDULERS = {
    "pndm of SD-1": PNDMScheduler(**NOISE, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1),
    "ddim of SD-2": DDIMScheduler(**V, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "zero terminal SNR": DDIMScheduler(**ZERO, clip_sample=False),
}


def pipeline_of(folder: Path, scheduler: Any) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(folder / "unet"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
    )


@pytest.mark.filterwarnings("ignore:The configuration file of this scheduler:FutureWarning")
@pytest.mark.parametrize("name", SCHEDULERS)
def test_guided_sampling_is_the_pipelines_at_any_size(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    SCHEDULERS[name].save_pretrained(copy / "scheduler")
    settings = {key: value for key, value in SCHEDULERS[name].config.items() if key[:1] != "_"}
    theirs = DDIMScheduler.from_config({**settings, "clip_sample": False})
    model = engine.load(copy)
    expected = by_pipeline(pipeline_of(copy, theirs), model.vae_factor, 5, 6.0)

    torch.testing.assert_close(sampled(model, 5, 6.0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:The configuration file of this scheduler:FutureWarning")
@pytest.mark.parametrize(("spacing", "steps"), [("linspace", 4), ("trailing", 4), ("trailing", 1)])
def test_eulers_method_takes_the_same_steps_as_the_pipelines_scheduler(
    folder: Path, tmp_path: Path, spacing: str, steps: int
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    euler = EulerDiscreteScheduler(**NOISE, timestep_spacing=spacing)
    euler.save_pretrained(copy / "scheduler")
    model = engine.load(copy)
    expected = by_pipeline(pipeline_of(copy, euler), model.vae_factor, steps, 6.0)
    noisiest = model.schedule(steps).levels[-1]

    mine = sampled(model, steps, 6.0, start=noise() * noisiest.s)
    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)


def test_pictures_are_encoded_and_decoded_as_the_pipeline_does(
    folder: Path, model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    same_codec(model, AutoencoderKL.from_pretrained(folder / "vae"), picture(96, 64), 0.18215)


@pytest.mark.parametrize(
    "affine", [{"shift_factor": 0.1}, {"latents_mean": [0.1, 0, -0.2, 0.3], "latents_std": [1, 2, 0.5, 3]}]
)
def test_what_the_autoencoder_shifts_and_scales_by_is_honoured(
    folder: Path, tmp_path: Path, picture: Callable[..., Image.Image], affine: dict[str, Any]
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    plain = engine.load(copy)
    change(copy / "vae" / "config.json", **affine)
    other, image = engine.load(copy), picture(32, 32)
    mean = torch.tensor(affine.get("latents_mean", [0.1] * 4)).view(1, 4, 1, 1)
    std = torch.tensor(affine.get("latents_std", [1] * 4)).view(1, 4, 1, 1)

    expected = (codec.encode(plain, image) / 0.18215 - mean) / std * 0.18215
    torch.testing.assert_close(codec.encode(other, image), expected)
    assert (
        codec.decode(other, expected)[0].tobytes()
        == codec.decode(plain, codec.encode(plain, image))[0].tobytes()
    )


@pytest.fixture(scope="module")
def lcm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_model(tmp_path_factory.mktemp("lcm"), unet_more={"time_cond_proj_dim": 9})
    LCMScheduler(**NOISE).save_pretrained(folder / "scheduler")
    return folder


@pytest.mark.filterwarnings("ignore:The configuration file of this scheduler:FutureWarning")
@pytest.mark.parametrize("scale", [1.0, 8.5])
def test_a_consistency_model_is_fed_the_guidance_scale_as_the_pipeline_feeds_it(
    lcm: Path, scale: float
) -> None:
    model = engine.load(lcm)
    expected = by_pipeline(pipeline_of(lcm, LCMScheduler(**NOISE)), model.vae_factor, 1, scale, None)

    torch.testing.assert_close(sampled(model, 1, scale, ""), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 4, 7, 50])
def test_the_steps_of_a_consistency_model_are_of_its_own_grid(lcm: Path, steps: int) -> None:
    scheduler = LCMScheduler(**NOISE)
    scheduler.set_timesteps(steps)

    assert engine.load(lcm).schedule(steps).timesteps[::-1] == tuple(scheduler.timesteps.tolist())


def test_a_consistency_model_is_edited_by_one_branch_that_is_fed_the_guidance_scale(
    lcm: Path, picture: Callable[..., Image.Image]
) -> None:
    model, image = engine.load(lcm), picture(32, 32)
    record = engine.invert(model, image, prompt=PROMPT, steps=4)
    seen: list[int] = []
    hook = model.network.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    by_scale = [
        engine.edit(model, record, Edit(prompt="a dog", method=Plain(), guidance_scale=scale))
        .images[0]
        .tobytes()
        for scale in (2.0, 8.0)
    ]
    hook.remove()

    assert seen == [1] * 8
    assert by_scale[0] != by_scale[1]
    assert engine.edit(model, record, Edit(prompt="a dog on grass, and a dog", method=P2P())).images
    with pytest.raises(InvalidParameter, match="50"):
        model.schedule(51)


@pytest.fixture(scope="module")
def consistency(lcm: Path) -> engine.Backbone:
    return engine.load(lcm)


@pytest.fixture
def calls(consistency: engine.Backbone) -> Iterator[list[int]]:
    """The rows of each call of the U-Net, as they happen."""
    seen: list[int] = []
    hook = consistency.network.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    yield seen
    hook.remove()


@pytest.mark.parametrize(
    ("parameter", "asked"),
    [
        ("method", {"method": PlugAndPlay()}),
        ("method", {"method": UniEdit()}),
        ("negative_prompt", {"method": Plain(), "negative_prompt": "a ball"}),
        ("proximal", {"method": Plain(proximal=0.7)}),
        ("tau_u", {"method": P2Plus(tau_u=(0.2, 0.5))}),
    ],
)
def test_an_edit_that_reads_more_than_its_prompt_is_refused_of_a_consistency_model(
    consistency: engine.Backbone,
    picture: Callable[..., Image.Image],
    calls: list[int],
    parameter: str,
    asked: dict[str, Any],
) -> None:
    record = engine.invert(consistency, picture(32, 32), prompt=PROMPT, method="direct", steps=2)
    calls.clear()
    with pytest.raises(UnsupportedByModel, match="no unconditional branch") as caught:
        engine.edit(consistency, record, Edit(prompt="a dog on grass", **asked))

    assert (caught.value.parameter, calls) == (parameter, [])


@pytest.mark.parametrize("method", for_pictures())
def test_an_inversion_of_a_consistency_model_is_made_or_refused_before_any_call(
    consistency: engine.Backbone, picture: Callable[..., Image.Image], calls: list[int], method: str
) -> None:
    learning = ("negative-prompt", "null-text", "prompt-tuning", "stylediffusion", "stylediffusion-faithful")
    if method in learning:
        with pytest.raises(UnsupportedByModel, match="no unconditional branch") as caught:
            engine.invert(consistency, picture(32, 32), prompt=PROMPT, method=method, steps=2)
        assert (caught.value.what, calls) == (method, [])
    else:
        record = engine.invert(consistency, picture(32, 32), prompt=PROMPT, method=method, steps=2)
        assert engine.reconstruct(consistency, record).size == (32, 32)


def test_a_consistency_model_paints_and_masks_by_its_predictions(
    consistency: engine.Backbone, calls: list[int]
) -> None:
    with pytest.raises(UnsupportedByModel, match="a negative prompt") as caught:
        engine.paint(consistency, prompt=PROMPT, steps=2, params=engine.Painted(negative_prompt="a dog"))
    assert (caught.value.parameter, calls) == ("negative_prompt", [])

    record = engine.paint(consistency, prompt=PROMPT, steps=2)
    edit = Edit(prompt="a dog on grass", method=Plain(diffedit_mask=True))
    assert engine.edit(consistency, record, edit).masks[0] is not None


def change(config: Path, **settings: Any) -> None:
    found = {**json.loads(config.read_text()), **settings}
    config.write_text(json.dumps({name: value for name, value in found.items() if value != "none"}))


@pytest.mark.parametrize(
    ("part", "settings", "words"),
    [
        ("unet", {"in_channels": 9}, "inpainting"),
        ("unet", {"in_channels": 5}, "depth"),
        ("unet", {"in_channels": 7, "num_class_embeds": 1000}, "upscaling"),
        ("unet", {"in_channels": 8}, "InstructPix2Pix"),
        ("unet", {"out_channels": 8}, "more than a prediction"),
        ("unet", {"class_embed_type": "projection"}, "unCLIP"),
        ("unet", {"encoder_hid_dim_type": "image_proj"}, "Kandinsky"),
        ("unet", {"addition_embed_type": "image"}, "addition_embed_type is 'image'"),
        ("unet", {"attention_type": "gated"}, "GLIGEN"),
        (
            "unet",
            {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2},
            "no cross-attention",
        ),
        ("unet", {"down_block_types": ["SimpleCrossAttnDownBlock2D"] * 2}, "of another kind"),
        (
            "unet",
            {"cross_attention_dim": 2048},
            "cross_attention_dim is 2048 .* 12: this is the U-Net of SDXL",
        ),
        ("unet", {"cross_attention_dim": 64}, "cross_attention_dim is 64 .* 12"),
        ("unet", {"sample_size": None}, "sample_size is missing"),
        ("unet", {"sample_size": "none"}, "sample_size is missing"),
        ("unet", {"novel_scale": 2}, "novel_scale is 2, which diffusers"),
        ("vae", {"novel_scale": 2}, "novel_scale is 2, which diffusers"),
        ("vae", {"block_out_channels": [4, 8, 16]}, "cannot be read as AutoencoderKL"),
        ("scheduler", {"_class_name": "FlowMatchEulerDiscreteScheduler"}, "rectified flow"),
        ("scheduler", {"_class_name": "EDMEulerScheduler"}, "another process of noise"),
        ("scheduler", {"use_flow_sigmas": True}, "rectified flow"),
        ("scheduler", {"thresholding": True}, "cuts latents off"),
        ("scheduler", {"clip_sample": True}, "cuts latents off"),
    ],
)
def test_what_would_compute_something_else_is_refused_in_words(
    folder: Path, tmp_path: Path, part: str, settings: dict[str, Any], words: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    file = "scheduler_config.json" if part == "scheduler" else "config.json"
    change(copy / part / file, **settings)

    with pytest.raises(UnknownModel, match=words) as caught:
        engine.load(copy)
    assert part in caught.value.reason


def test_a_flow_beside_a_unet_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    FlowMatchEulerDiscreteScheduler().save_pretrained(copy / "scheduler")

    with pytest.raises(UnknownModel, match=r"scheduler/scheduler_config.json: Flow.* rectified flow"):
        engine.load(copy)


def test_what_only_a_run_can_show_is_found_at_load(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = copy / "unet" / "config.json"
    unet = UNet2DConditionModel.from_pretrained(copy / "unet")
    unet.conv_out.bias.data[0] = float("inf")
    unet.save_pretrained(copy / "unet")

    with pytest.raises(UnknownModel, match="denoiser gives NaN or infinite numbers"):
        engine.load(copy)
    assert config.is_file()


def test_a_pointer_of_git_lfs_is_named(folder: Path, tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3438167540\n"
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for weights in ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"):
        (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink(missing_ok=True)
        (copy / "unet" / weights).write_bytes(pointer)
        with pytest.raises(UnknownModel, match=f"{weights} is a Git LFS pointer .*git lfs pull"):
            engine.load(copy)


def test_a_pickle_is_not_read(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(UNet2DConditionModel.from_pretrained(copy / "unet").state_dict(), weights.with_suffix(".bin"))
    weights.unlink()

    with pytest.raises(UnknownModel, match="a pickle, which can run code"):
        engine.load(copy)


@pytest.mark.parametrize("sharded", [False, True])
def test_weights_in_half_precision_alone_are_read(folder: Path, tmp_path: Path, sharded: bool) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for part, kind in (
        ("unet", UNet2DConditionModel),
        ("vae", AutoencoderKL),
        ("text_encoder", CLIPTextModel),
    ):
        network = kind.from_pretrained(copy / part).half()
        for weights in (copy / part).glob("*.safetensors"):
            weights.unlink()
        limit = {"max_shard_size": "20KB"} if sharded and part != "vae" else {}
        network.save_pretrained(copy / part, variant="fp16", **limit)
    assert sharded == bool(list((copy / "unet").glob("*.safetensors.index.fp16.json")))

    assert engine.load(copy).spec.size == 32


def test_a_tokenizer_is_read_from_either_form(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    whole = json.loads((copy / "tokenizer" / "tokenizer.json").read_text())["model"]
    (copy / "tokenizer" / "tokenizer.json").unlink()
    (copy / "tokenizer" / "vocab.json").write_text(json.dumps(whole["vocab"]))
    merges = "\n".join(
        ["#version: 0.2", *(each if isinstance(each, str) else " ".join(each) for each in whole["merges"])]
    )
    (copy / "tokenizer" / "merges.txt").write_text(merges)

    assert engine.load(copy).tokens(PROMPT).ids == engine.load(folder).tokens(PROMPT).ids
