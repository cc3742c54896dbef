"""The inversions there are, by name."""

from engine.inverters.base import Inversion, Inverter, Source
from engine.inverters.ddim import DDIM
from engine.inverters.direct import Direct
from engine.inverters.faithful import StyleDiffusionFaithful
from engine.inverters.parameters import Guided
from engine.inverters.stylediffusion import StyleDiffusion

INVERTERS: dict[str, type[Inverter]] = {
    "ddim": DDIM,
    "direct": Direct,
    "stylediffusion": StyleDiffusion,
    "stylediffusion-faithful": StyleDiffusionFaithful,
}

__all__ = [
    "DDIM",
    "INVERTERS",
    "Direct",
    "Guided",
    "Inversion",
    "Inverter",
    "Source",
    "StyleDiffusion",
    "StyleDiffusionFaithful",
]
