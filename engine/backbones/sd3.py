"""Stable Diffusion 3: a transformer on a rectified flow that reads two CLIPs and T5 (Esser et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor
from transformers import (
    AutoTokenizer,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5EncoderModel,
)

from engine.alignment import Tokens, tokenize
from engine.attention import Site, Step
from engine.backbones.base import Backbone
from engine.conditioning import Conditioning
from engine.noise import Level, held
from engine.pretrained import ModelFiles, readable
from engine.schedule import Schedule, check_steps, flow_schedule
from engine.spec import ModelSpec

_T5_TOKENS = 256


class TextEncoder(NamedTuple):
    """One of the encoders of a prompt, with its tokenizer."""

    tokenizer: Any
    network: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class StableDiffusion3(Backbone):
    """A multimodal transformer that predicts velocities.

    Its context is both CLIPs' penultimate layers side by side, padded to T5's width, and then T5's tokens;
    its pooled vector both CLIPs' projections. Nothing inside its joint attention can be edited yet.
    """

    parts: ClassVar = (
        *("scheduler", "text_encoder", "text_encoder_2", "text_encoder_3"),
        *("tokenizer", "tokenizer_2", "tokenizer_3", "transformer", "vae"),
    )
    denoiser: ClassVar = "SD3Transformer2DModel"

    clips: tuple[TextEncoder, TextEncoder]
    t5: TextEncoder

    @classmethod
    def load(cls, files: ModelFiles, *, spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> Self:
        def clip(suffix: str) -> TextEncoder:
            network = files.network(CLIPTextModelWithProjection, f"text_encoder{suffix}", dtype)
            return TextEncoder(files.tokenizer(CLIPTokenizer, f"tokenizer{suffix}"), network.to(device))

        transformer = files.network(SD3Transformer2DModel, "transformer", dtype)
        vae = files.network(AutoencoderKL, "vae", dtype)
        t5 = files.network(T5EncoderModel, "text_encoder_3", dtype).to(device)
        if transformer.config.in_channels != vae.config.latent_channels:
            raise files.refuse("transformer", "it reads other latents than the autoencoder writes")
        with readable(files.name, "scheduler/scheduler_config.json cannot be used"):
            scheduler = FlowMatchEulerDiscreteScheduler.from_config(
                files.config("scheduler", "scheduler_config.json")
            )
        model = cls(
            spec=spec,
            revision=files.revision,
            folder=files.folder,
            device=device,
            dtype=dtype,
            clips=(clip(""), clip("_2")),
            t5=TextEncoder(files.tokenizer(AutoTokenizer, "tokenizer_3"), t5),
            network=transformer.to(device),
            vae=vae.to(device),
            scheduler=scheduler,
        )
        try:
            model.schedule(1)
        except ValueError as error:
            raise files.refuse("scheduler", str(error), "scheduler_config.json") from error
        side = transformer.config.sample_size * model.vae_factor
        return replace(model, spec=replace(spec, size=spec.size or side))

    @property
    def family(self) -> str:
        return "Stable Diffusion 3"

    @cached_property
    def modules(self) -> dict[Site, Any]:
        return {}

    @property
    def stride(self) -> int:
        return self.vae_factor * int(self.network.config.patch_size)

    @property
    def token_limit(self) -> int:
        return int(self.clips[0].tokenizer.model_max_length)

    def tokens(self, prompt: str) -> Tokens:
        return tokenize(self.clips[0].tokenizer, prompt, self.token_limit)

    @torch.no_grad()
    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        self.tokens(prompt)
        both = [self._clip(encoder, prompt) for encoder in self.clips]
        t5 = self._ids(self.t5, prompt, _T5_TOKENS)
        long: Tensor = self.t5.network(t5).last_hidden_state
        short = torch.cat([hidden for hidden, _ in both], dim=-1)
        short = F.pad(short, (0, long.shape[-1] - short.shape[-1]))
        return Conditioning(
            keys=(prompt,),
            context=torch.cat([short, long], dim=1).to(self.dtype),
            vectors={"pooled": torch.cat([pooled for _, pooled in both], dim=-1).to(self.dtype)},
        )

    def schedule(self, steps: int, size: tuple[int, int] | None = None) -> Schedule:
        trained = int(self.scheduler.config.num_train_timesteps)
        check_steps(steps, trained)
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.scheduler.config)
        scheduler.set_timesteps(steps)
        return flow_schedule(scheduler.sigmas[:-1].tolist(), trained)

    def predict(
        self, x: Tensor, level: Level, conditioning: Conditioning, steps: Sequence[Step] = ()
    ) -> Tensor:
        output: Tensor = self.network(
            hidden_states=x.to(self.dtype),
            timestep=torch.full((len(x),), level.timestep, device=x.device),
            encoder_hidden_states=conditioning.context,
            pooled_projections=conditioning.vectors["pooled"],
        ).sample
        return held(output.float(), x, level, "velocity")

    def _clip(self, encoder: TextEncoder, prompt: str) -> tuple[Tensor, Tensor]:
        read = encoder.network(self._ids(encoder, prompt, self.token_limit), output_hidden_states=True)
        return read.hidden_states[-2], read.text_embeds

    def _ids(self, encoder: TextEncoder, prompt: str, length: int) -> Tensor:
        ids: Tensor = encoder.tokenizer(
            prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        return ids.to(self.device)
