"""Random model of Stable Diffusion's architecture, of several shapes, small enough to run by the dozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

import engine

TOKENS = 24
SHARPNESS = 6
"""By which queries and keys are scaled, since random weights attend to everything alike."""

MERGES = [
    *[("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("o", "n</w>"), ("b", "a"), ("l", "l</w>")],
    *[("ba", "ll</w>"), ("r", "e"), ("re", "d</w>"), ("g", "r"), ("a", "s"), ("as", "s</w>")],
    ("gr", "ass</w>"),
]
"""The words cat, dog, on, ball, red and grass are one token each, most others are several."""


def tokenizer() -> CLIPTokenizer:
    """Byte-level BPE in CLIP's form."""
    letters = sorted(ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in MERGES)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocab, merges=MERGES, model_max_length=TOKENS)


def sharpen(unet: Any) -> None:
    """Scale queries and keys, so that random weights attend to some places more than to others."""
    for name, weight in unet.named_parameters():
        if "to_q" in name or "to_k" in name:
            weight.data *= SHARPNESS


def save_model(
    folder: Path,
    *,
    widths: tuple[int, ...] = (8, 16),
    layers: int = 1,
    side: int = 8,
    channels: int = 4,
    plain_levels: int = 0,
    scheduler: dict[str, Any] | None = None,
    unet_more: dict[str, Any] | None = None,
) -> Path:
    """Write a random model as a diffusers folder; the coarsest `plain_levels` of it lack attention."""
    torch.manual_seed(0)
    words = tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=12,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    attended = len(widths) - plain_levels
    unet = UNet2DConditionModel(
        sample_size=side,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=layers,
        down_block_types=("CrossAttnDownBlock2D",) * attended + ("DownBlock2D",) * plain_levels,
        up_block_types=("UpBlock2D",) * plain_levels + ("CrossAttnUpBlock2D",) * attended,
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
        **(unet_more or {}),
    )
    sharpen(unet)
    vae = AutoencoderKL(
        block_out_channels=(4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=side * 4,
    )
    noise = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
    }
    words.save_pretrained(folder / "tokenizer")
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    vision = CLIPVisionConfig(
        image_size=16,
        patch_size=8,
        hidden_size=10,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=6,
    )
    CLIPVisionModelWithProjection(vision).save_pretrained(folder / "image_encoder")
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    DDIMScheduler(**{**noise, **(scheduler or {})}).save_pretrained(folder / "scheduler")
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the model that most tests use: 32 pixels, latents of 8x8, two levels with attention."""
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def model(folder: Path) -> engine.Backbone:
    """That model, loaded."""
    return engine.load(folder)


@pytest.fixture(scope="session")
def deep(tmp_path_factory: pytest.TempPathFactory) -> engine.Backbone:
    """Three levels, the coarsest without attention, two layers each, other channels, v-prediction."""
    folder = save_model(
        tmp_path_factory.mktemp("deep"),
        widths=(8, 8, 16),
        layers=2,
        side=12,
        channels=6,
        plain_levels=1,
        scheduler={"prediction_type": "v_prediction", "timestep_spacing": "trailing"},
    )
    return engine.load(folder)


@pytest.fixture(scope="session")
def pure(tmp_path_factory: pytest.TempPathFactory) -> engine.Backbone:
    """A v-predicting model whose highest level is noise alone."""
    scheduler = {
        "prediction_type": "v_prediction",
        "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": True,
    }
    return engine.load(save_model(tmp_path_factory.mktemp("pure"), scheduler=scheduler))


def picture_of(width: int, height: int, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """Makes pictures of smooth noise, by width, height and seed."""
    return picture_of


@pytest.fixture(scope="session")
def image() -> Image.Image:
    """A picture that fits the tiny model as it is."""
    return picture_of(32, 32)


@pytest.fixture(scope="session")
def record(model: engine.Backbone, image: Image.Image) -> engine.SourceRecord:
    """That picture, inverted."""
    return engine.invert(model, image, prompt="a cat on grass", method="direct", steps=5)


@pytest.fixture
def network_rows(model: engine.Backbone) -> Iterator[list[int]]:
    """The rows of each call of the denoiser, as they happen."""
    rows: list[int] = []
    hook = model.network.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    yield rows
    hook.remove()
