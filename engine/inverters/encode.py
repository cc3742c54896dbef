"""No inversion: the clean latent alone."""

from __future__ import annotations

from engine.backbones import Backbone
from engine.inverters.base import Inversion, Inverter, Source
from engine.progress import OnProgress
from engine.schedule import Schedule
from parameters import Encode


class EncodeInverter(Inverter):
    """Keeps the clean latent alone, for edits that draw their own noise."""

    params = Encode

    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Encode, on_progress: OnProgress
    ) -> Inversion:
        return Inversion(trajectory=source.latent)
