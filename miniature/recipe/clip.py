"""Stage 2: CLIP text and vision towers, trained together contrastively (Radford et al. 2021)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from miniature.recipe.data import Scenes, batch_indices
from miniature.recipe.fit import fit
from miniature.recipe.judge import of_one_setting

STEPS = 1500
BATCH = 128
ALIKE = 64
PROJECTION = 96
MEAN = STD = (0.5, 0.5, 0.5)  # pixels in [-1, 1], the same as the autoencoder sees


def build(tokenizer: CLIPTokenizer) -> CLIPModel:
    tower = {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "projection_dim": PROJECTION,
    }
    words = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPModel(
        CLIPConfig(
            text_config=tower | words,
            vision_config=tower | {"image_size": 64, "patch_size": 8},
            projection_dim=PROJECTION,
            attn_implementation="eager",  # twice as fast as the fused one on a processor here
        )
    )


def image_processor() -> CLIPImageProcessorPil:
    side = {"height": 64, "width": 64}
    return CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size=side, image_mean=MEAN, image_std=STD)


def token_ids(tokenizer: CLIPTokenizer, captions: tuple[str, ...] | list[str]) -> Tensor:
    """Padded ids, shape (n, tokens)."""
    ids: Tensor = tokenizer(
        list(captions), padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    return ids


def batch(step: int, groups: Sequence[NDArray[np.int64]], total: int) -> NDArray[np.int64]:
    """Scenes drawn from all, and `ALIKE` from one group: among those, only the objects tell them apart."""
    group = groups[batch_indices("clip group", step, 1, len(groups))[0]]
    alike = group[batch_indices("clip alike", step, ALIKE, len(group))]
    return np.concatenate([batch_indices("clip", step, BATCH - ALIKE, total), alike])


def train(
    scenes: Scenes,
    tokenizer: CLIPTokenizer,
    shown: Tensor,
    folder: Path,
    device: str,
    steps: int = STEPS,
) -> CLIPModel:
    """``shown`` (n, attributes) is what each scene shows, as `judge.truth` gives it."""
    torch.manual_seed(2)
    clip = build(tokenizer).to(device)
    ids = token_ids(tokenizer, scenes.captions)
    # Text is read from the left up to its end token: what comes after all of them is never looked at.
    longest = int((ids != tokenizer.eos_token_id).sum(-1).max()) + 1
    ids = ids[:, :longest]
    groups = of_one_setting(shown, ALIKE)

    def loss_of(step: int) -> Tensor:
        rows = batch(step, groups, len(ids))
        with torch.autocast(device, torch.bfloat16):
            out = clip(input_ids=ids[rows].to(device), pixel_values=scenes.pixels(rows).to(device))
        logits = out.logits_per_text.float()
        # To take a picture of the same things for this one is not a mistake, so it is not punished as one.
        same = (shown[rows][:, None] == shown[rows][None]).all(-1).to(device)
        same |= (ids[rows][:, None] == ids[rows][None]).all(-1).to(device)
        logits = logits.masked_fill(same & ~torch.eye(len(rows), dtype=torch.bool, device=device), -1e4)
        truth = torch.arange(len(rows), device=device)
        return (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2

    model = fit("clip", clip, loss_of, folder=folder, steps=steps, lr=1e-3, average=0.99)
    assert isinstance(model, CLIPModel)
    return model
