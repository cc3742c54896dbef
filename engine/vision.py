"""CLIP's vision tower, and how it reads pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionModel

from engine.errors import UnknownModel, memory_errors
from engine.pretrained import readable, whole

PARTS = ("feature_extractor", "image_encoder")
"""The folders of a model that belong to its tower."""

CLIP_B_16 = "openai/clip-vit-base-patch16"
"""The hub id of the tower that StyleDiffusion's authors put beside Stable Diffusion 1."""

_CLIP = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


def has_tower(folder: Path, elsewhere: str | None) -> bool:
    """Whether a model in this folder has a tower, its own or the one of this id on the hub."""
    return (folder / "image_encoder").is_dir() or elsewhere is not None


def load_tower(name: str, folder: Path, elsewhere: str | None) -> Any:
    """The tower in a model's folder, else the one of this id on the hub, frozen and in float32.

    Raises:
        UnknownModel: the model of this name has none, or not a whole one.
        OutOfMemory: there is no room for it.
    """
    own = folder / "image_encoder"
    place = own if own.is_dir() else elsewhere
    if place is None:
        raise UnknownModel(
            name, "it has no vision tower: put CLIP's into its image_encoder, or invert by a method without"
        )
    with readable(name, f"its vision tower {place} cannot be read"), memory_errors():
        return whole(CLIPVisionModel, place, dtype=torch.float32, use_safetensors=True)


def normalisation(name: str, folder: Path) -> tuple[list[float], list[float]]:
    """Mean and deviation by channel of the pixels that a model's tower reads: CLIP's, if it says none.

    Raises:
        UnknownModel: what the model of this name says cannot be read.
    """
    file = folder / "feature_extractor" / "preprocessor_config.json"
    with readable(name, f"{file} cannot be read"):
        how = {**_CLIP, **(json.loads(file.read_text()) if file.is_file() else {})}
    return how["image_mean"], how["image_std"]
