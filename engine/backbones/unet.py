"""Stable Diffusion 1.x and 2.x: a U-Net that reads one CLIP text embedding (Rombach et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from engine.alignment import Tokens, tokenize
from engine.attention import Site, Step, controlled
from engine.backbones.base import Backbone
from engine.backbones.checks import check_unet, check_vae, ddim, noise_of
from engine.backbones.sites import modules_of
from engine.conditioning import Conditioning
from engine.guidance import ClassifierFree, Embedded, Guidance
from engine.noise import Level, held
from engine.pretrained import ModelFiles
from engine.schedule import Schedule, diffusion_schedule
from engine.spec import ModelSpec

_FINEST_SELF_SIDE, _COARSEST_CROSS_SIDE = 32, 16
_GUIDANCE = "guidance"
_BY_WIDTH = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2"}


@dataclass(frozen=True, kw_only=True, eq=False)
class StableDiffusion(Backbone):
    """A U-Net on a variance-preserving process, predicting eps, v or x0.

    `consistency` is the number of steps that a latent consistency model was distilled from, whose grids are
    part of theirs (Luo et al. 2023, https://arxiv.org/abs/2310.04378); None for all other models.
    """

    parts: ClassVar[tuple[str, ...]] = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")
    denoiser: ClassVar = "UNet2DConditionModel"

    tokenizer: Any
    text_encoder: Any
    consistency: int | None = None

    @classmethod
    def load(cls, files: ModelFiles, *, spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> Self:
        text_encoder = files.network(CLIPTextModel, "text_encoder", dtype)
        width = int(text_encoder.config.hidden_size)
        return cls.assembled(
            files,
            width,
            spec=spec,
            device=device,
            dtype=dtype,
            tokenizer=files.tokenizer(CLIPTokenizer, "tokenizer"),
            text_encoder=text_encoder.to(device),
        )

    @classmethod
    def assembled(
        cls,
        files: ModelFiles,
        text_width: int,
        *,
        spec: ModelSpec,
        device: torch.device,
        dtype: torch.dtype,
        **readers: Any,
    ) -> Self:
        """The model of these readers of prompts, which give `text_width`, with U-Net, VAE and scheduler."""
        check_vae(files)
        vae = files.network(AutoencoderKL, "vae", _vae_dtype(files, dtype)).to(device)
        check_unet(files, int(vae.config.latent_channels), text_width)
        noise = noise_of(files)
        model = cls(
            spec=spec,
            revision=files.revision,
            folder=files.folder,
            device=device,
            dtype=dtype,
            network=files.network(UNet2DConditionModel, "unet", dtype).to(device),
            vae=vae,
            scheduler=ddim(files, noise),
            consistency=noise.get("original_inference_steps") if "LCM" in noise["_class_name"] else None,
            **readers,
        )
        try:
            model.schedule(1)
        except ValueError as error:
            raise files.refuse("scheduler", str(error), "scheduler_config.json") from error
        return replace(model, spec=_derived(model))

    @property
    def family(self) -> str:
        return _BY_WIDTH.get(int(self.network.config.cross_attention_dim), "Stable Diffusion")

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
        conditioning = Conditioning(keys=(prompt,), context=embedding.to(self.dtype))
        return self.guided(conditioning, 1.0)

    def schedule(self, steps: int, size: tuple[int, int] | None = None) -> Schedule:
        return diffusion_schedule(self.scheduler, steps, self.consistency)

    @property
    def embeds_guidance(self) -> bool:
        return self.network.config.time_cond_proj_dim is not None

    def guidance(self, scale: float) -> Guidance:
        return Embedded(scale) if self.embeds_guidance else ClassifierFree(scale)

    def guided(self, conditioning: Conditioning, scale: float) -> Conditioning:
        if not self.embeds_guidance:
            return conditioning
        embedding = _guidance_embedding(scale, int(self.network.config.time_cond_proj_dim))
        rows = embedding.to(self.device).expand(len(conditioning), -1)
        keys = tuple(f"{key.split(chr(0))[0]}\0{scale}" for key in conditioning.keys)
        return replace(conditioning, keys=keys, vectors={**conditioning.vectors, _GUIDANCE: rows})

    def predict(
        self, x: Tensor, level: Level, conditioning: Conditioning, steps: Sequence[Step] = ()
    ) -> Tensor:
        guidance = conditioning.vectors.get(_GUIDANCE)
        with controlled(self.modules, steps):
            output: Tensor = self.network(
                x.to(self.dtype),
                level.timestep,
                encoder_hidden_states=conditioning.context,
                timestep_cond=None if guidance is None else guidance.to(self.dtype),
                added_cond_kwargs=self.added(conditioning),
            ).sample
        return held(output.float(), x, level, self.scheduler.config.prediction_type)

    def added(self, conditioning: Conditioning) -> Mapping[str, Tensor]:
        """The added conditions of the U-Net: what it reads beside the context and the guidance scale."""
        return {}


def _vae_dtype(files: ModelFiles, dtype: torch.dtype) -> torch.dtype:
    """Float32 for an autoencoder whose configuration says that it overflows in float16."""
    upcast = dtype == torch.float16 and files.config("vae").get("force_upcast")
    return torch.float32 if upcast else dtype


def _guidance_embedding(scale: float, width: int) -> Tensor:
    """Sines and cosines (1, width) of the guidance scale, as the published code has them: of 1000 (w - 1)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / max(half - 1, 1)))
    angles = 1000.0 * (scale - 1) * frequencies[None]
    both = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    return torch.nn.functional.pad(both, (0, width % 2))


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
