"""Which models there are, and how one is loaded."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import CLIPTextModel, CLIPTokenizer

from engine.attention import Site, sites_of
from engine.errors import InvalidParameter, UnknownModel, memory_errors
from engine.pretrained import UNREADABLE, whole
from engine.schedule import Schedule
from engine.tower import CLIP_B_16, load_tower
from engine.tower import PARTS as TOWER_PARTS

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_PARTS = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")
_FINEST_SELF_SIDE, _COARSEST_CROSS_SIDE = 32, 16


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What must be known about a model beyond its files; a 0 is derived from them when it loads.

    `size`: short side of its pictures in pixels. `self_factor`: self-attention is replaced in layers at
    least this much coarser than the latent. `blend_factor`: LocalBlend reads the cross-attention of layers
    exactly this much coarser; the papers' "16x16 maps" of a 64x64 latent are factor 4. `blend_threshold`: of
    these maps' maximum, where a place begins to belong to a word. `vision`: the hub id
    of the vision tower that goes with it, None where its folder has one or none is known.
    """

    name: str
    revision: str | None = None
    guidance_scale: float = 7.5
    size: int = 0
    self_factor: int = 0
    blend_factor: int = 0
    blend_threshold: float = 0.3
    vision: str | None = None


REGISTRY = {
    spec.name: spec
    for spec in (
        ModelSpec(name="miniature", guidance_scale=3.0, blend_threshold=0.7),
        ModelSpec(name="stable-diffusion-v1-5/stable-diffusion-v1-5", vision=CLIP_B_16),
        ModelSpec(name="CompVis/stable-diffusion-v1-4", vision=CLIP_B_16),
        ModelSpec(name="stabilityai/stable-diffusion-2-1-base"),
        ModelSpec(name="stabilityai/stable-diffusion-2-1"),
    )
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Models:
    """A loaded model: frozen weights in eval mode, never written to by the engine.

    `revision` is a fingerprint of its files; two folders with the same content have the same one.
    """

    spec: ModelSpec
    revision: str
    folder: Path
    device: torch.device
    dtype: torch.dtype
    tokenizer: Any
    text_encoder: Any
    unet: Any
    vae: Any
    scheduler: Any

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """The attention layers of the U-Net."""
        return sites_of(self.unet)

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
        return _vae_factor(self.vae)

    @property
    def stride(self) -> int:
        """Pixels that a side must be a multiple of, for every level of the U-Net to divide evenly."""
        return self.vae_factor * max((site.factor for site in self.sites), default=1)

    @property
    def token_limit(self) -> int:
        """Tokens in a prompt, begin and end included."""
        positions = self.text_encoder.config.max_position_embeddings
        return min(int(self.tokenizer.model_max_length), int(positions))

    @property
    def dtype_name(self) -> str:
        """The name under which `load` knows the dtype."""
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)

    def schedule(self, steps: int) -> Schedule:
        """The noise levels of a run of so many steps; raises `InvalidParameter`."""
        return Schedule.of(self.scheduler, steps)


def load(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> Models:
    """Load "miniature", a Stable Diffusion of the Hugging Face hub by its id, or one in a diffusers folder.

    Raises:
        UnknownModel: there is none, or it is not of Stable Diffusion's architecture.
        InvalidParameter: no such device or dtype.
        OutOfMemory: it does not fit the device.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise InvalidParameter("dtype", dtype, f"one of {', '.join(DTYPES)}")
    spec = REGISTRY.get(str(name), ModelSpec(name=str(name)))
    folder = _folder(spec)
    if missing := [part for part in _PARTS if not (folder / part).is_dir()]:
        raise UnknownModel(spec.name, f"there is no {', '.join(missing)} in {folder}")
    try:
        with memory_errors():
            models = _load_parts(folder, spec, _device(device), DTYPES[dtype])
    except UNREADABLE as error:
        raise UnknownModel(spec.name, f"{folder} is not a Stable Diffusion: {error}") from error
    return replace(models, spec=_derive(models))


def fingerprint(folder: Path) -> str:
    """Hash what tells one model from another: the names and every byte of its files."""
    digest = hashlib.sha256()
    parts = _PARTS + TOWER_PARTS
    for path in sorted(path for part in parts for path in (folder / part).rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def _folder(spec: ModelSpec) -> Path:
    if spec.name == "miniature":
        package = importlib.util.find_spec(spec.name)
        places = (package.submodule_search_locations if package else None) or []
        for place in places:
            if (Path(place) / "weights" / "model_index.json").is_file():
                return Path(place) / "weights"
        raise UnknownModel(spec.name, "its weights are not installed")
    if Path(spec.name).is_dir():
        return Path(spec.name)
    try:
        return Path(
            snapshot_download(
                spec.name,
                revision=spec.revision,
                allow_patterns=["model_index.json", *(f"{part}/*" for part in _PARTS + TOWER_PARTS)],
                ignore_patterns=["*.bin", "*.ckpt", "*.msgpack", "*.fp16.*", "*.non_ema.*"],
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        known = ", ".join(REGISTRY)
        raise UnknownModel(spec.name, f"neither a folder, nor on the hub, nor one of {known}") from error


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidParameter("device", name, "a device of this machine, such as cpu or cuda:0") from error
    return device


def _load_parts(folder: Path, spec: ModelSpec, device: torch.device, dtype: torch.dtype) -> Models:
    unet = whole(UNet2DConditionModel, folder / "unet", torch_dtype=dtype)
    vae = whole(AutoencoderKL, folder / "vae", torch_dtype=dtype)
    text_encoder = whole(CLIPTextModel, folder / "text_encoder", dtype=dtype)
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    Schedule.of(scheduler, 1)
    if unet.config.addition_embed_type is not None or unet.config.in_channels != vae.config.latent_channels:
        raise UnknownModel(spec.name, "its U-Net reads more than a latent and a text")
    return Models(
        spec=spec,
        revision=fingerprint(folder),
        folder=folder,
        device=device,
        dtype=dtype,
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        text_encoder=text_encoder.to(device),
        unet=unet.to(device),
        vae=vae.to(device),
        scheduler=scheduler,
    )


def _derive(models: Models) -> ModelSpec:
    spec, side = models.spec, _side(models.unet)
    self_factors = sorted({site.factor for site in models.sites if site.kind == "self"})
    cross_factors = sorted({site.factor for site in models.sites if site.kind == "cross"})
    fine_enough = [factor for factor in cross_factors if side // factor >= _COARSEST_CROSS_SIDE]
    coarse_enough = [factor for factor in self_factors if side // factor <= _FINEST_SELF_SIDE]
    return replace(
        spec,
        size=spec.size or side * models.vae_factor,
        self_factor=spec.self_factor or min(coarse_enough, default=1),
        blend_factor=spec.blend_factor or max(fine_enough, default=min(cross_factors, default=1)),
    )


def _side(unet: Any) -> int:
    size = unet.config.sample_size
    return int(size if isinstance(size, int) else min(size))


def _vae_factor(vae: Any) -> int:
    return 2 ** (len(vae.config.block_out_channels) - 1)
