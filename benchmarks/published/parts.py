"""The parts of a latent diffusion model, as a diffusers folder holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """U-Net, autoencoder, text encoder, tokenizer and DDIM scheduler, in float32, frozen and in eval mode."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any

    @classmethod
    def load(cls, folder: Path) -> Parts:
        """Read a diffusers folder; raises ValueError unless the model predicts noise."""
        scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
        if scheduler.config.prediction_type != "epsilon":
            raise ValueError(f"the model predicts {scheduler.config.prediction_type}, not epsilon")
        return cls(
            unet=UNet2DConditionModel.from_pretrained(folder / "unet").float().eval().requires_grad_(False),
            vae=AutoencoderKL.from_pretrained(folder / "vae").float().eval().requires_grad_(False),
            text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder").float().eval(),
            tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            scheduler=scheduler,
        )

    @property
    def length(self) -> int:
        """Tokens of a padded prompt."""
        return int(self.tokenizer.model_max_length)

    def ids(self, prompt: str) -> list[int]:
        """The token ids of a prompt from begin to end, unpadded."""
        found: list[int] = self.tokenizer(prompt).input_ids
        return found

    def positions(self, prompt: str, word: str) -> list[int]:
        """The token positions of every occurrence of a word, as spaces part them."""
        at = 1
        found: list[int] = []
        for spaced in prompt.split():
            count = len(self.ids(spaced)) - 2
            found += range(at, at + count) if spaced == word else []
            at += count
        return found

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Tensor:
        """The embeddings of padded prompts, (prompts, tokens, width)."""
        padded = self.tokenizer(
            list(prompts), padding="max_length", max_length=self.length, return_tensors="pt"
        )
        embedding: Tensor = self.text_encoder(padded.input_ids).last_hidden_state
        return embedding

    @torch.no_grad()
    def encode(self, image: Image.Image) -> Tensor:
        """The scaled mean of the autoencoder's posterior, (1, C, h, w)."""
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1
        mean: Tensor = self.vae.encode(pixels).latent_dist.mean
        return mean * self.vae.config.scaling_factor

    def noise(self, x: Tensor, timestep: int, context: Tensor) -> Tensor:
        """The noise that the U-Net predicts in x (rows, C, h, w) under context (rows, tokens, width)."""
        prediction: Tensor = self.unet(x, timestep, encoder_hidden_states=context).sample
        return prediction
