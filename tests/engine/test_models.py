"""Loading: any Stable Diffusion folder, frozen, told apart by its content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

import engine
from engine import fingerprints
from engine.backbones import unet
from engine.backbones.unet import StableDiffusion
from engine.errors import InvalidParameter, OutOfMemory, PromptTooLong, UnknownModel
from tests.engine.attention.layer import site


def _revision(folder: Path) -> str:
    return engine.load(folder).revision


def test_a_folder_gets_the_defaults_its_files_imply(model: engine.Backbone, deep: engine.Backbone) -> None:
    assert (model.spec.size, model.spec.self_factor, model.spec.blend_factor) == (32, 1, 1)
    assert (model.spec.guidance_scale, model.token_limit, model.stride) == (7.5, 24, 8)
    assert (deep.spec.size, deep.stride) == (48, 16)


@pytest.mark.parametrize(
    ("side", "self_factor", "blend_factor"), [(8, 1, 1), (16, 1, 1), (32, 1, 2), (64, 2, 4), (96, 4, 4)]
)
def test_levels_are_those_the_papers_mean_at_every_size(
    model: unet.StableDiffusion,
    monkeypatch: pytest.MonkeyPatch,
    side: int,
    self_factor: int,
    blend_factor: int,
) -> None:
    sites = {site(kind, factor=factor): None for kind in ("self", "cross") for factor in (1, 2, 4, 8)}
    monkeypatch.setattr(unet, "modules_of", lambda network: sites)
    monkeypatch.setattr(unet, "_side", lambda network: side)

    spec = unet._derived(replace(model, spec=engine.ModelSpec(name="any")))

    assert (spec.self_factor, spec.blend_factor) == (self_factor, blend_factor)


def test_nothing_can_learn_or_drop_out(model: engine.Backbone) -> None:
    assert isinstance(model, StableDiffusion)
    for part in (model.network, model.vae, model.text_encoder):
        assert not part.training
        assert not any(weight.requires_grad for weight in part.parameters())


def test_a_copy_is_the_same_model_and_other_weights_are_another(
    folder: Path, model: engine.Backbone, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert _revision(copy) == model.revision

    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["conv_in.bias"] = tensors["conv_in.bias"] + 1
    save_file(tensors, weights)
    assert _revision(copy) != model.revision


def test_a_change_of_the_schedule_is_another_model(
    folder: Path, model: engine.Backbone, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"steps_offset": 1', '"steps_offset": 0'))

    assert _revision(copy) != model.revision


def test_a_single_byte_anywhere_is_another_model(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    weights = tmp_path / "unet" / "weights"
    content = bytearray(3_000_000)
    prints = set()
    for at in (0, 5_000, 1_234_567, 2_999_999):
        weights.write_bytes(content[:at] + b"\1" + content[at + 1 :])
        prints.add(fingerprints.of_parts(tmp_path, StableDiffusion.parts))

    assert len(prints) == 4


def test_what_is_of_no_part_of_the_family_makes_no_other_model(
    folder: Path, model: engine.Backbone, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "README.md").write_text("new")
    (copy / "text_encoder_2").mkdir()
    (copy / "text_encoder_2" / "config.json").write_text("{}")

    assert _revision(copy) == model.revision


@pytest.mark.parametrize("config", ['{"_class_name": "AudioUNet"}', "{", "[]"])
def test_a_denoiser_of_no_known_family_is_refused(folder: Path, tmp_path: Path, config: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "unet" / "config.json").write_text(config)

    with pytest.raises(
        UnknownModel, match=r"AudioUNet; known are SD3.*UNet2D|cannot be read|no configuration"
    ):
        engine.load(copy)


def test_prompts_become_the_last_layer_of_the_text_model(model: engine.Backbone) -> None:
    assert isinstance(model, StableDiffusion)
    read = model.read("a cat", (8, 8))
    ids = model.tokenizer("a cat", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        expected = model.text_encoder(ids)[0]

    assert torch.equal(read.context, expected)
    assert (len(read), read.vectors) == (1, {})
    assert read.keys != model.read("a dog", (8, 8)).keys
    with pytest.raises(PromptTooLong):
        model.read("cat " * 30, (8, 8))


def test_hashes_are_kept_beside_the_files_until_these_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    long_ago = time.time() - 60
    for path in copy.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    first = _revision(copy)
    read: list[str] = []
    real = hashlib.file_digest

    def digest(file: Any, kind: str) -> Any:
        read.append(Path(file.name).name)
        return real(file, kind)

    monkeypatch.setattr(fingerprints.hashlib, "file_digest", digest)
    assert (_revision(copy), read) == (first, [])
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace('"steps_offset": 1', '"steps_offset": 0'))
    assert _revision(copy) != first
    assert read == ["scheduler_config.json"]


def test_a_folder_below_the_home_is_found(
    folder: Path, model: engine.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))

    assert engine.load(f"~/{folder.name}").revision == model.revision


@pytest.mark.parametrize("name", ["no/such/model", "nothing here", "/", ""])
def test_what_is_no_model_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(UnknownModel) as caught:
        engine.load(name)

    assert caught.value.name == name


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: shutil.rmtree(folder / "vae"),
        lambda folder: (folder / "unet" / "config.json").write_text("{"),
        lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x" * 100),
        lambda folder: shutil.rmtree(folder / "tokenizer"),
        lambda folder: (folder / "scheduler" / "scheduler_config.json").unlink(),
    ],
    ids=["vae", "config", "weights", "tokenizer", "scheduler"],
)
def test_a_damaged_folder_is_refused(folder: Path, tmp_path: Path, damage: Any) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    damage(copy)

    with pytest.raises(UnknownModel):
        engine.load(copy)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_model_that_lacks_weights_is_refused(folder: Path, tmp_path: Path, part: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights = next((copy / part).glob("*.safetensors"))
    tensors = load_file(weights)
    lost = sorted(tensors)[len(tensors) // 2]
    tensors.pop(lost)
    save_file(tensors, weights, metadata={"format": "pt"})

    with pytest.raises(UnknownModel, match=f"{part} lacks 1 weights, such as {lost}"):
        engine.load(copy)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("prediction_type", "flow"), ("timestep_spacing", "cosine"), ("steps_offset", None)],
)
def test_a_scheduler_of_another_kind_is_refused_by_name(
    folder: Path, tmp_path: Path, setting: str, value: object
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = copy / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), setting: value}))

    with pytest.raises(UnknownModel, match=repr(value)) as caught:
        engine.load(copy)

    assert caught.value.name == str(copy)


@pytest.mark.parametrize(
    ("part", "setting", "value", "reason"),
    [
        ("scheduler", "beta_schedule", "cosy", "cosy"),
        ("scheduler", "num_train_timesteps", 0, "cannot be used"),
        ("scheduler", "num_train_timesteps", "1000", "cannot be used"),
        ("scheduler", "beta_end", 2.0, "betas"),
        ("vae", "scaling_factor", 0, "scaling_factor is 0"),
        ("vae", "scaling_factor", None, "scaling_factor is None"),
        ("vae", "shift_factor", "x", "shift_factor is 'x'"),
        ("vae", "latents_mean", [0.0], "latents_mean"),
        ("vae", "latents_std", [0.0] * 4, "latents_std"),
        (
            "text_encoder",
            "max_position_embeddings",
            20,
            r"shapes.*position_embedding.*\(24, \d+\) and not \(20,",
        ),
    ],
)
def test_a_setting_of_the_wrong_type_or_value_is_refused_by_name(
    folder: Path, tmp_path: Path, part: str, setting: str, value: object, reason: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = copy / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
    config.write_text(json.dumps({**json.loads(config.read_text()), setting: value}))

    with pytest.raises(UnknownModel, match=reason):
        engine.load(copy)


@pytest.mark.parametrize(
    ("part", "weight", "named"),
    [
        ("unet", "conv_in.weight", "denoiser"),
        ("vae", "encoder.conv_in.weight", "autoencoder"),
        ("vae", "decoder.conv_in.weight", "autoencoder"),
        ("text_encoder", "final_layer_norm.weight", "text encoder"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(
    folder: Path, tmp_path: Path, part: str, weight: str, named: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    file = next((copy / part).glob("*.safetensors"))
    tensors = load_file(file)
    [name] = [name for name in tensors if name.endswith(weight)]
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})

    with pytest.raises(UnknownModel, match=f"its {named} gives NaN or infinite numbers"):
        engine.load(copy)


@pytest.mark.parametrize("file", ["unet/config.json", "tokenizer/*.json"])
def test_a_pointer_of_git_lfs_is_named_whatever_it_points_to(folder: Path, tmp_path: Path, file: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for path in copy.glob(file):
        path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9\n")

    with pytest.raises(UnknownModel, match="Git LFS pointer"):
        engine.load(copy)


def test_odd_devices_and_dtypes_are_refused(folder: Path) -> None:
    odd: list[dict[str, Any]] = [{"device": "abacus"}, {"device": "cuda:99"}, {"device": None}]
    odd += [{"dtype": "int8"}, {"dtype": ["float32"]}, {"dtype": None}]
    for options in odd:
        with pytest.raises(InvalidParameter):
            engine.load(folder, **options)


def test_running_out_of_memory_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(UNet2DConditionModel, "from_pretrained", full)
    with pytest.raises(OutOfMemory):
        engine.load(folder)
