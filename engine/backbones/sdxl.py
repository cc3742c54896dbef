"""Stable Diffusion XL: a U-Net that reads two CLIPs, a pooled vector and sizes (Podell et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from engine.alignment import tokenize
from engine.backbones.unet import StableDiffusion
from engine.conditioning import Conditioning
from engine.pretrained import ModelFiles
from engine.spec import ModelSpec

_TIME_IDS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class StableDiffusionXL(StableDiffusion):
    """A U-Net whose context is both encoders' penultimate layers, side by side.

    Beside it reads the second one's projection, and six numbers: height and width of the picture before and
    after a crop, and where that began; here always the picture's own size, uncropped. No words are zeros
    where the model says so in `zeros`. https://arxiv.org/abs/2307.01952
    """

    parts: ClassVar = (
        *("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae"),
    )

    tokenizer_2: Any
    text_encoder_2: Any
    zeros: bool

    @classmethod
    def recognises(cls, config: Mapping[str, Any]) -> bool:
        return super().recognises(config) and config.get("addition_embed_type") == "text_time"

    @classmethod
    def load(cls, files: ModelFiles, *, spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> Self:
        first = files.network(CLIPTextModel, "text_encoder", dtype)
        second = files.network(CLIPTextModelWithProjection, "text_encoder_2", dtype)
        unet = files.config("unet")
        reads = unet.get("projection_class_embeddings_input_dim")
        writes = second.config.projection_dim + _TIME_IDS * (unet.get("addition_time_embed_dim") or 0)
        if reads != writes:
            raise files.refuse(
                "unet",
                f"it reads {reads} numbers beside the text, and SDXL's pooled text and {_TIME_IDS} sizes are "
                f"{writes}: this may be the refiner; use the base model",
            )
        tokenizers = [files.tokenizer(CLIPTokenizer, part) for part in ("tokenizer", "tokenizer_2")]
        if len({tuple(sorted(each.get_vocab().items())) for each in tokenizers}) > 1:
            raise files.refuse("tokenizer_2", "it has other words than the first", "tokenizer_config.json")
        index = files.folder / "model_index.json"
        return cls.assembled(
            files,
            int(first.config.hidden_size + second.config.hidden_size),
            spec=spec,
            device=device,
            dtype=dtype,
            tokenizer=tokenizers[0],
            tokenizer_2=tokenizers[1],
            text_encoder=first.to(device),
            text_encoder_2=second.to(device),
            zeros=not index.is_file()
            or bool(files.config("", index.name).get("force_zeros_for_empty_prompt", True)),
        )

    @property
    def family(self) -> str:
        return "Stable Diffusion XL"

    @torch.no_grad()
    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        first, _ = self._encoded(self.tokenizer, self.text_encoder, prompt)
        second, pooled = self._encoded(self.tokenizer_2, self.text_encoder_2, prompt)
        context, pooled = torch.cat([first, second], dim=-1).to(self.dtype), pooled.to(self.dtype)
        if self.zeros and not prompt:
            context, pooled = torch.zeros_like(context), torch.zeros_like(pooled)
        height, width = (side * self.vae_factor for side in size)
        sizes = torch.tensor([[height, width, 0, 0, height, width]], device=self.device, dtype=torch.float32)
        read = Conditioning(keys=(prompt,), context=context, vectors={"pooled": pooled, "sizes": sizes})
        return self.guided(read, 1.0)

    def added(self, conditioning: Conditioning) -> Mapping[str, Tensor]:
        return {"text_embeds": conditioning.vectors["pooled"], "time_ids": conditioning.vectors["sizes"]}

    def _encoded(self, tokenizer: Any, encoder: Any, prompt: str) -> tuple[Tensor, Tensor]:
        """The penultimate layer (1, tokens, width), and what sums the prompt up (1, width)."""
        ids = torch.tensor([tokenize(tokenizer, prompt, self.token_limit).ids], device=self.device)
        read = encoder(ids, output_hidden_states=True)
        return read.hidden_states[-2], read[0]
