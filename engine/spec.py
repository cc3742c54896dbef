"""Facts about models beyond their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.vision import CLIP_B_16


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Facts about a model that its files do not state; a 0 is derived from them when it loads.

    `size`: short side of its pictures in pixels. `self_factor`: Prompt-to-Prompt replaces self-attention in
    layers at least this much coarser than the latent. `blend_factor`: LocalBlend reads the cross-attention of
    layers exactly this much coarser; the papers' "16x16 maps" of a 64x64 latent are factor 4.
    `blend_threshold`: of these maps' maximum, where a place begins to belong to a word. `vision`: the hub id
    of the vision tower that goes with it, None where its folder has one or none is known. `defaults`: method
    name -> parameter -> the value that was tuned for this model; what is not here is the paper's.
    """

    name: str
    guidance_scale: float = 7.5
    size: int = 0
    self_factor: int = 0
    blend_factor: int = 0
    blend_threshold: float = 0.3
    vision: str | None = None
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def defaults_of(self, method: str) -> Mapping[str, Any]:
        """A method's parameters as tuned for this model."""
        return {"blend_threshold": self.blend_threshold, **self.defaults.get(method, {})}


REGISTRY = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="miniature",
            guidance_scale=3.0,
            blend_threshold=0.7,
            defaults={
                "p2p": {"tau_c": 0.2, "tau_s": 0.8, "padding": "end"},
                "p2plus": {"tau_c": 0.2, "tau_s": 0.6, "padding": "end"},
                "sdedit": {"strength": 0.8},
                "masactrl": {"layer_start": 0.8},
                "uniedit": {"alpha": 0.8, "omega": 2.0},
            },
        ),
        ModelSpec(name="stable-diffusion-v1-5/stable-diffusion-v1-5", vision=CLIP_B_16),
        ModelSpec(name="CompVis/stable-diffusion-v1-4", vision=CLIP_B_16),
        ModelSpec(name="stabilityai/stable-diffusion-2-1-base"),
        ModelSpec(name="stabilityai/stable-diffusion-2-1"),
        ModelSpec(name="stabilityai/sd-turbo", guidance_scale=1.0),
        ModelSpec(name="SimianLuo/LCM_Dreamshaper_v7", guidance_scale=8.0),
        ModelSpec(name="stabilityai/stable-diffusion-xl-base-1.0", guidance_scale=5.0),
        ModelSpec(name="stabilityai/sdxl-turbo", guidance_scale=1.0),
        ModelSpec(name="stabilityai/stable-diffusion-3-medium-diffusers", guidance_scale=7.0),
    )
}
