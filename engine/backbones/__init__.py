"""The model families there are: each a file here, or a class in an installed package."""

from __future__ import annotations

from engine.backbones.base import DTYPES, Backbone
from engine.backbones.sd3 import StableDiffusion3
from engine.backbones.unet import StableDiffusion
from engine.plugins import Registry


def _entry(family: type[Backbone]) -> tuple[str, type[Backbone]]:
    return family.denoiser, family


FAMILIES = Registry("pentimento.backbones", _entry, (StableDiffusion, StableDiffusion3))
"""Families by the class name of their denoiser, as a model's folder states it."""

__all__ = ["DTYPES", "FAMILIES", "Backbone"]
