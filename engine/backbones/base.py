"""The port that hides a model family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from engine.alignment import Tokens
from engine.attention import Site, Step
from engine.conditioning import Conditioning, Reader
from engine.guidance import ClassifierFree, Guidance
from engine.noise import Level
from engine.pretrained import ModelFiles
from engine.schedule import Schedule
from engine.spec import ModelSpec
from engine.vision import has_tower, load_tower
from parameters import CROSS_ATTENTION, FEATURES, SELF_ATTENTION, UNCONDITIONAL, VISION_TOWER

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True, eq=False)
class Backbone(ABC):
    """A loaded model: frozen weights in eval mode, never written to by the engine.

    A family is a subclass: how prompts are read, what is predicted on which noise levels, and where one can
    look into its denoiser. `revision` is a fingerprint of its files; two folders with the same content have
    the same one. `network` is the denoiser.
    """

    parts: ClassVar[tuple[str, ...]]
    """The folders that it consists of."""
    denoiser: ClassVar[str]
    """The class name of its denoiser."""

    spec: ModelSpec
    revision: str
    folder: Path
    device: torch.device
    dtype: torch.dtype
    network: Any
    vae: Any
    scheduler: Any

    @classmethod
    def recognises(cls, config: Mapping[str, Any]) -> bool:
        """Whether a denoiser of this configuration is of the family; of several, the last is right."""
        return config.get("_class_name") == cls.denoiser

    @classmethod
    @abstractmethod
    def load(cls, files: ModelFiles, *, spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> Self:
        """Load a model of this family from its files.

        Raises:
            UnknownModel: a part is missing or damaged, or its parts do not go together.
        """

    @property
    @abstractmethod
    def family(self) -> str:
        """The usual name of its family of models."""

    @cached_property
    @abstractmethod
    def modules(self) -> dict[Site, Any]:
        """The sites of the denoiser in the order of its run, each with its module."""

    @property
    @abstractmethod
    def token_limit(self) -> int:
        """Tokens in a prompt, begin and end included."""

    @abstractmethod
    def tokens(self, prompt: str) -> Tokens:
        """A prompt as the tokens whose attention can be edited; raises `PromptTooLong`."""

    @abstractmethod
    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        """The conditioning of a prompt, one row, for a latent of this height and width."""

    @abstractmethod
    def schedule(self, steps: int, size: tuple[int, int] | None = None) -> Schedule:
        """The noise levels of a run for a latent of this size; raises `InvalidParameter`."""

    @abstractmethod
    def predict(
        self, x: Tensor, level: Level, conditioning: Conditioning, steps: Sequence[Step] = ()
    ) -> Tensor:
        """The held quantity (rows, C, h, w) that the denoiser predicts for x at the level it is shown.

        `steps` say whose rows these are, one branch after the other, and what is edited on the way.
        """

    @property
    @abstractmethod
    def stride(self) -> int:
        """Pixels that a side must be a multiple of, for every level of the denoiser to divide evenly."""

    @property
    def embeds_guidance(self) -> bool:
        """Whether the denoiser is fed the guidance scale, in place of an unconditional branch."""
        return False

    def guidance(self, scale: float) -> Guidance:
        """The guidance at a scale: it combines conditional and unconditional predictions."""
        return ClassifierFree(scale)

    def guided(self, conditioning: Conditioning, scale: float) -> Conditioning:
        """The conditioning with a guidance scale embedded, for a denoiser that is fed it."""
        return conditioning

    def at(self, scale: float) -> Reader:
        """Reads prompts at a guidance scale."""
        return _AtScale(model=self, scale=scale)

    @property
    def offers(self) -> frozenset[str]:
        """What methods can ask of it, by the names of `parameters.Demand`; a family may have its own."""
        kinds = {site.kind for site in self.sites}
        there = {
            CROSS_ATTENTION: "cross" in kinds,
            SELF_ATTENTION: "self" in kinds,
            FEATURES: any((site.kind, site.stage) == ("feature", "up") for site in self.sites),
            UNCONDITIONAL: not self.embeds_guidance,
            VISION_TOWER: has_tower(self.folder, self.spec.vision),
        }
        return frozenset(name for name, offered in there.items() if offered)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites of the denoiser in the order of its run."""
        return tuple(self.modules)

    @cached_property
    def vision(self) -> Any:
        """CLIP's vision tower, loaded when first asked for, in float32 whatever the rest is in.

        Raises:
            UnknownModel: it has none, or not a whole one.
        """
        return load_tower(self.spec.name, self.folder, self.spec.vision).to(self.device)

    @property
    def vae_factor(self) -> int:
        """Pixels per latent element, along each side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def dtype_name(self) -> str:
        """The name under which `load` knows the dtype."""
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)


@dataclass(frozen=True, kw_only=True)
class _AtScale:
    model: Backbone
    scale: float

    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        return self.model.guided(self.model.read(prompt, size), self.scale)
