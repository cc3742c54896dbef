"""Stable Diffusion's architecture at random weights, as a folder that the engine and diffusers load."""

from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from benchmarks.stylediffusion import sd15
from miniature import WEIGHTS
from miniature.recipe.denoiser import scheduler

TOKENS: Final = 77
# By name: the U-Net, the autoencoder, the text encoder.
SIZES: Final[dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    "sd15": (
        sd15.UNET,
        sd15.VAE,
        {
            "hidden_size": sd15.WIDTH,
            "intermediate_size": 4 * sd15.WIDTH,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 49408,
        },
    ),
    "tiny": (
        {
            "sample_size": 8,
            "block_out_channels": (32, 64),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "layers_per_block": 1,
            "cross_attention_dim": 32,
            "attention_head_dim": 2,
        },
        {
            "sample_size": 16,
            "block_out_channels": (32, 32),
            "down_block_types": ("DownEncoderBlock2D",) * 2,
            "up_block_types": ("UpDecoderBlock2D",) * 2,
            "layers_per_block": 1,
        },
        {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "vocab_size": 1100,
        },
    ),
}


def write(size: str, folder: Path) -> Path:
    """The architecture of that name in half precision, the same weights on every call, and the folder.

    The tokenizer is the miniature's: what it makes of a prompt does not change what a forward pass costs.
    """
    unet, vae, text = SIZES[size]
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer", model_max_length=TOKENS)
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(**vae).half(),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text, **ends, max_position_embeddings=TOKENS)).half(),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(**unet).half(),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder
