"""Stable Diffusion 1.x and 2.x: a U-Net that reads one CLIP text embedding (Rombach et al. 2022)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from engine.alignment import Tokens, tokenize
from engine.attention import Kind, Site, Stage, Step, controlled
from engine.backbones.base import Backbone
from engine.conditioning import Conditioning
from engine.errors import UnknownModel
from engine.noise import Level, held
from engine.pretrained import whole
from engine.schedule import Schedule, diffusion_schedule
from engine.spec import ModelSpec

_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_FINEST_SELF_SIDE, _COARSEST_CROSS_SIDE = 32, 16


@dataclass(frozen=True, kw_only=True, eq=False)
class StableDiffusion(Backbone):
    """A U-Net on a variance-preserving process, predicting eps, v or x0."""

    parts: ClassVar = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")
    denoiser: ClassVar = "UNet2DConditionModel"

    tokenizer: Any
    text_encoder: Any

    @classmethod
    def load(
        cls, folder: Path, *, spec: ModelSpec, revision: str, device: torch.device, dtype: torch.dtype
    ) -> Self:
        unet = whole(UNet2DConditionModel, folder / "unet", torch_dtype=dtype)
        vae = whole(AutoencoderKL, folder / "vae", torch_dtype=dtype)
        text_encoder = whole(CLIPTextModel, folder / "text_encoder", dtype=dtype)
        scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
        diffusion_schedule(scheduler, 1)
        if scheduler.config.prediction_type not in _PREDICTIONS:
            raise ValueError(f"the scheduler's prediction_type is {scheduler.config.prediction_type!r}")
        if (
            unet.config.addition_embed_type is not None
            or unet.config.in_channels != vae.config.latent_channels
        ):
            raise UnknownModel(spec.name, "its U-Net reads more than a latent and a text")
        model = cls(
            spec=spec,
            revision=revision,
            folder=folder,
            device=device,
            dtype=dtype,
            tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            text_encoder=text_encoder.to(device),
            network=unet.to(device),
            vae=vae.to(device),
            scheduler=scheduler,
        )
        return replace(model, spec=_derived(model))

    @cached_property
    def modules(self) -> dict[Site, Any]:
        return modules_of(self.network)

    @property
    def stride(self) -> int:
        factors = (site.factor for site in self.sites if site.kind != "feature")
        return self.vae_factor * max(factors, default=1)

    @property
    def token_limit(self) -> int:
        positions = self.text_encoder.config.max_position_embeddings
        return min(int(self.tokenizer.model_max_length), int(positions))

    def tokens(self, prompt: str) -> Tokens:
        return tokenize(self.tokenizer, prompt, self.token_limit)

    @torch.no_grad()
    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        ids = torch.tensor([self.tokens(prompt).ids], device=self.device)
        embedding: Tensor = self.text_encoder(ids).last_hidden_state
        return Conditioning(keys=(prompt,), context=embedding.to(self.dtype))

    def schedule(self, steps: int, size: tuple[int, int] | None = None) -> Schedule:
        return diffusion_schedule(self.scheduler, steps)

    def predict(
        self, x: Tensor, level: Level, conditioning: Conditioning, steps: Sequence[Step] = ()
    ) -> Tensor:
        with controlled(self.modules, steps):
            output: Tensor = self.network(
                x.to(self.dtype), level.timestep, encoder_hidden_states=conditioning.context
            ).sample
        return held(output.float(), x, level, self.scheduler.config.prediction_type)


def modules_of(unet: Any) -> dict[Site, Any]:
    """The attention layers of a U-Net, and the second convolutions of its resnets, in the order they run."""
    found = list(_walk(unet))
    totals: dict[tuple[Kind, Stage], int] = defaultdict(int)
    for _, _, stage, kind, _ in found:
        totals[kind, stage] += 1
    seen: dict[tuple[Kind, Stage], int] = defaultdict(int)
    modules: dict[Site, Any] = {}
    for name, module, stage, kind, factor in found:
        index, total = seen[kind, stage], totals[kind, stage]
        seen[kind, stage] += 1
        site = Site(
            name=name,
            stage=stage,
            kind=kind,
            factor=factor,
            depth=index / total,
            until=(index + 1) / total,
        )
        modules[site] = module
    return modules


_Found = tuple[str, Any, Stage, Kind, int]


def _walk(unet: Any) -> Iterator[_Found]:
    factor = 1
    for index, block in enumerate(unet.down_blocks):
        yield from _inside(block, f"down_blocks.{index}", "down", factor)
        factor *= 2 if block.downsamplers is not None else 1
    if unet.mid_block is not None:
        yield from _inside(unet.mid_block, "mid_block", "mid", factor)
    for index, block in enumerate(unet.up_blocks):
        yield from _inside(block, f"up_blocks.{index}", "up", factor)
        factor //= 2 if block.upsamplers is not None else 1


def _inside(block: Any, path: str, stage: Stage, factor: int) -> Iterator[_Found]:
    for name, module in block.named_modules(prefix=path):
        parent, _, last = name.rpartition(".")
        if ".transformer_blocks." in name and last in ("attn1", "attn2"):
            yield name, module, stage, "cross" if module.is_cross_attention else "self", factor
        elif parent.endswith(".resnets"):
            yield name, module.conv2, stage, "feature", factor


def _derived(model: StableDiffusion) -> ModelSpec:
    spec, side = model.spec, _side(model.network)
    self_factors = sorted({site.factor for site in model.sites if site.kind == "self"})
    cross_factors = sorted({site.factor for site in model.sites if site.kind == "cross"})
    fine_enough = [factor for factor in cross_factors if side // factor >= _COARSEST_CROSS_SIDE]
    coarse_enough = [factor for factor in self_factors if side // factor <= _FINEST_SELF_SIDE]
    return replace(
        spec,
        size=spec.size or side * model.vae_factor,
        self_factor=spec.self_factor or min(coarse_enough, default=1),
        blend_factor=spec.blend_factor or max(fine_enough, default=min(cross_factors, default=1)),
    )


def _side(unet: Any) -> int:
    size = unet.config.sample_size
    return int(size if isinstance(size, int) else min(size))
