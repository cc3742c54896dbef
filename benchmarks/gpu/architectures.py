"""Stable Diffusion's architectures at random weights, as folders that the engine loads."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers

from engine import checkpoints


class Size(StrEnum):
    """An architecture at its own size, or a miniature of it for a rehearsal."""

    SD15 = "sd15"
    SDXL = "sdxl"
    TINY = "tiny"
    TINY_XL = "tiny-xl"

    @property
    def given(self) -> Path:
        """The folder with the configurations of its parts."""
        return Path(checkpoints.__file__).parent / ("sdxl" if self in (Size.SDXL, Size.TINY_XL) else "sd1")


_KINDS: Final[Mapping[str, Any]] = {
    "unet": diffusers.UNet2DConditionModel,
    "vae": diffusers.AutoencoderKL,
    "text_encoder": transformers.CLIPTextModel,
    "text_encoder_2": transformers.CLIPTextModelWithProjection,
}
_TINY_TEXT: Final = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "projection_dim": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_TINY_UNET: Final = {
    "sample_size": 8,
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 32,
    "attention_head_dim": 2,
}
_TINY_VAE: Final = {
    "sample_size": 16,
    "block_out_channels": (32, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "layers_per_block": 1,
}
_SMALLER: Final[Mapping[Size, Mapping[str, Mapping[str, Any]]]] = {
    Size.TINY: {"unet": _TINY_UNET, "vae": _TINY_VAE, "text_encoder": _TINY_TEXT},
    Size.TINY_XL: {
        "unet": {
            **_TINY_UNET,
            "cross_attention_dim": 64,
            "transformer_layers_per_block": 1,
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 32 + 6 * 8,
        },
        "vae": _TINY_VAE,
        "text_encoder": _TINY_TEXT,
        "text_encoder_2": _TINY_TEXT,
    },
}


def write(size: Size, folder: Path) -> Path:
    """The architecture in float16, the same weights on every call, as a diffusers folder; returns it."""
    torch.manual_seed(0)
    for part in sorted(path.name for path in size.given.iterdir()):
        given = size.given / part
        if part == "scheduler":
            diffusers.DDIMScheduler.from_pretrained(given).save_pretrained(folder / part)
            continue
        kind, smaller = _KINDS[part], _SMALLER.get(size, {}).get(part, {})
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float16)
        if issubclass(kind, diffusers.ModelMixin):
            network = kind.from_config({**kind.load_config(given), **smaller})
        else:
            network = kind(kind.config_class.from_pretrained(given, **smaller))
            config = json.loads((given / "config.json").read_text())
            tokenizer = checkpoints.clip_tokenizer(transformers.CLIPTokenizer, config)
            tokenizer.save_pretrained(folder / part.replace("text_encoder", "tokenizer"))
        torch.set_default_dtype(before)
        network.save_pretrained(folder / part)
    return folder
