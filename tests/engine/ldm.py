"""Diffusers' names of weights in the layout of the original code, as single-file checkpoints have them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def save_checkpoint(
    folder: Path, file: Path, *, attended: tuple[bool, ...], more: tuple[str, ...] = ()
) -> Path:
    """Write a diffusers folder of one layer a level as one file; some levels have attention."""
    found = {f"model.diffusion_model.{name}": weight for name, weight in _unet(folder, attended).items()}
    found |= {f"first_stage_model.{name}": weight for name, weight in _vae(folder).items()}
    clip = "conditioner.embedders.0" if (folder / "text_encoder_2").is_dir() else "cond_stage_model"
    found |= {f"{clip}.transformer.{name}": weight for name, weight in _text(folder / "text_encoder").items()}
    if (folder / "text_encoder_2").is_dir():
        found |= {
            f"conditioner.embedders.1.model.{name}": weight for name, weight in _open_clip(folder).items()
        }
    found |= dict.fromkeys(more, torch.zeros(0))
    save_file({name: weight.contiguous().clone() for name, weight in found.items()}, file)
    return file


def _weights(folder: Path) -> dict[str, Tensor]:
    return load_file(next(folder.glob("*.safetensors")))


def _unet(folder: Path, attended: tuple[bool, ...]) -> dict[str, Tensor]:
    places: dict[str, str] = dict(_ENDS)
    last = len(attended) - 1
    for level, attends in enumerate(attended):
        places[f"down_blocks.{level}.resnets.0"] = f"input_blocks.{2 * level + 1}.0"
        places[f"down_blocks.{level}.attentions.0"] = f"input_blocks.{2 * level + 1}.1"
        places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{2 * level + 2}.0.op"
        for layer in range(2):
            up = last - level
            places[f"up_blocks.{up}.resnets.{layer}"] = f"output_blocks.{2 * up + layer}.0"
            places[f"up_blocks.{up}.attentions.{layer}"] = f"output_blocks.{2 * up + layer}.1"
        places[f"up_blocks.{up}.upsamplers.0"] = f"output_blocks.{2 * up + 1}.{2 if attends else 1}"
    places |= {"mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1"}
    places["mid_block.resnets.1"] = "middle_block.2"
    found = {}
    for name, weight in _weights(folder / "unet").items():
        (place,) = [each for each in places if name.startswith(f"{each}.")]
        rest = name.removeprefix(f"{place}.")
        if ".resnets." in name:
            first, _, end = rest.partition(".")
            rest = f"{_RESNET[first]}.{end}"
        found[f"{places[place]}.{rest}"] = weight
    return found


def _vae(folder: Path) -> dict[str, Tensor]:
    found = {}
    for name, weight in _weights(folder / "vae").items():
        new = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
        new = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", new)
        new = re.sub(r"up_blocks\.(\d)\.resnets", lambda at: f"up.{2 - int(at[1])}.block", new)
        new = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda at: f"up.{2 - int(at[1])}.upsample", new)
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda at: f"mid.block_{int(at[1]) + 1}", new)
        new = new.replace("mid_block.attentions.0", "mid.attn_1").replace("conv_shortcut", "nin_shortcut")
        new = new.replace("conv_norm_out", "norm_out")
        if "attn_1" in new:
            for theirs, ours in {
                "group_norm": "norm",
                "to_q": "q",
                "to_k": "k",
                "to_v": "v",
                "to_out.0": "proj_out",
            }.items():
                new = new.replace(f"attn_1.{theirs}.", f"attn_1.{ours}.")
            weight = weight[..., None, None] if weight.ndim == 2 else weight
        found[new] = weight
    return found


def _text(folder: Path) -> dict[str, Tensor]:
    return {
        name if name.startswith("text_model.") else f"text_model.{name}": weight
        for name, weight in _weights(folder).items()
        if "position_ids" not in name
    }


def _open_clip(folder: Path) -> dict[str, Tensor]:
    given = {
        name.removeprefix("text_model."): weight
        for name, weight in _weights(folder / "text_encoder_2").items()
    }
    found: dict[str, Any] = {
        "token_embedding.weight": given["embeddings.token_embedding.weight"],
        "positional_embedding": given["embeddings.position_embedding.weight"],
        "text_projection": given["text_projection.weight"].T,
    }
    for end in ("weight", "bias"):
        found[f"ln_final.{end}"] = given[f"final_layer_norm.{end}"]
        layers = sorted({name.split(".")[2] for name in given if name.startswith("encoder.layers.")})
        for layer in layers:
            ours, theirs = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
            for name, other in _OPEN_CLIP.items():
                found[f"{theirs}.{other}.{end}"] = given[f"{ours}.{name}.{end}"]
            parts = [given[f"{ours}.self_attn.{name}_proj.{end}"] for name in "qkv"]
            found[f"{theirs}.attn.in_proj_{end}"] = torch.cat(parts)
    return found
