"""A random model of SDXL's architecture, small enough to run by the dozen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.engine.conftest import TOKENS, sharpen, tokenizer

WIDTHS, PROJECTION, SIZES = (12, 16), 10, 4


def save_sdxl(folder: Path, *, unet_more: dict[str, Any] | None = None) -> Path:
    """Write it as a diffusers folder: 64 pixels, latents of 16x16, attention at the coarser levels."""
    torch.manual_seed(0)
    kinds = (CLIPTextModel, CLIPTextModelWithProjection)
    for suffix, width, kind in zip(("", "_2"), WIDTHS, kinds, strict=True):
        words = tokenizer()
        if suffix:
            words.pad_token = "!"
        config = CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=width,
            intermediate_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            projection_dim=PROJECTION,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
        kind(config).save_pretrained(folder / f"text_encoder{suffix}")
        words.save_pretrained(folder / f"tokenizer{suffix}")
    unet = UNet2DConditionModel(
        **{
            "sample_size": 16,
            "block_out_channels": (8, 16, 16),
            "layers_per_block": 1,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": (2, 2, 4),
            "cross_attention_dim": sum(WIDTHS),
            "norm_num_groups": 4,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": SIZES,
            "projection_class_embeddings_input_dim": PROJECTION + 6 * SIZES,
            **(unet_more or {}),
        }
    )
    sharpen(unet)
    unet.save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.13025,
        force_upcast=True,
    ).save_pretrained(folder / "vae")
    EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing="leading",
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
