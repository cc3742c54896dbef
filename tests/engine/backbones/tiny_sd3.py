"""A random model of Stable Diffusion 3's architecture, small enough to run by the dozen."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel, T5Tokenizer

from tests.engine.conftest import TOKENS, tokenizer

WIDTHS, PROJECTIONS, JOINT = (12, 16), (6, 10), 32
LETTERS = "abcdefghijklmnopqrstuvwxyz,.\u2581"


def save_sd3(folder: Path) -> Path:
    """Write it as a diffusers folder: 32 pixels, latents of 8x8."""
    torch.manual_seed(0)
    words = tokenizer()
    for suffix, width, projection in zip(("", "_2"), WIDTHS, PROJECTIONS, strict=True):
        config = CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=width,
            intermediate_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            projection_dim=projection,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
        CLIPTextModelWithProjection(config).save_pretrained(folder / f"text_encoder{suffix}")
        words.save_pretrained(folder / f"tokenizer{suffix}")
    pieces = ["<pad>", "</s>", "<unk>", *LETTERS, "\u2581a", "\u2581cat", "\u2581dog", "\u2581on"]
    t5 = T5Tokenizer(vocab=[(piece, -float(index)) for index, piece in enumerate(pieces)], extra_ids=0)
    t5.save_pretrained(folder / "tokenizer_3")
    T5EncoderModel(
        T5Config(vocab_size=len(t5), d_model=JOINT, d_kv=4, d_ff=16, num_layers=2, num_heads=2)
    ).save_pretrained(folder / "text_encoder_3")
    SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=4,
        num_attention_heads=2,
        joint_attention_dim=JOINT,
        caption_projection_dim=8,
        pooled_projection_dim=sum(PROJECTIONS),
        pos_embed_max_size=24,
    ).save_pretrained(folder / "transformer")
    AutoencoderKL(
        block_out_channels=(4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
        scaling_factor=1.5305,
        shift_factor=0.0609,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).save_pretrained(folder / "vae")
    FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(folder / "scheduler")
    return folder
