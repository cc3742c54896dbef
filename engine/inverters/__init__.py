"""The inversions there are, by name."""

from engine.inverters.base import Inversion, Inverter
from engine.inverters.ddim import DDIM
from engine.inverters.direct import Direct

INVERTERS: dict[str, type[Inverter]] = {"ddim": DDIM, "direct": Direct}

__all__ = ["DDIM", "INVERTERS", "Direct", "Inversion", "Inverter"]
