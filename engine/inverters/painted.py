"""Pictures that the model painted, as sources of edits."""

from __future__ import annotations

from typing import Any

from engine.backbones import Backbone
from engine.errors import InvalidParameter
from engine.inverters.base import Inversion, Inverter, Source
from engine.progress import OnProgress
from engine.schedule import Schedule
from parameters import Painted


class PaintedInverter(Inverter):
    """The source of an edit retraces the way on which it was painted, see `engine.painting`."""

    params = Painted

    def invert(
        self, model: Backbone, source: Source, schedule: Schedule, params: Any, on_progress: OnProgress
    ) -> Inversion:
        raise InvalidParameter("method", Painted.name, "an inversion; this one is of pictures from `paint`")
