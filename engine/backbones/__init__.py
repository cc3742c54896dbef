"""The model families: each a file here, or a class in an installed package."""

from __future__ import annotations

from engine.backbones.base import DTYPES, Backbone
from engine.backbones.sd3 import StableDiffusion3
from engine.backbones.sdxl import StableDiffusionXL
from engine.backbones.unet import StableDiffusion
from engine.plugins import Registry


def _entry(family: type[Backbone]) -> tuple[str, type[Backbone]]:
    return family.__name__, family


FAMILIES = Registry("pentimento.backbones", _entry, (StableDiffusion, StableDiffusionXL, StableDiffusion3))
"""Families by the name of their class; of those that recognise a denoiser, the last is the one."""

__all__ = ["DTYPES", "FAMILIES", "Backbone"]
