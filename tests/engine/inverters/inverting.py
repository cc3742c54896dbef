"""Inverters called as an inversion calls them."""

from __future__ import annotations

from typing import Any

from PIL import Image

import engine
from engine import codec
from engine.inverters import INVERTERS, Inversion, Source
from engine.inverting import latent_size, resolved
from engine.progress import OnProgress, silent


def make_source(model: engine.Backbone, picture: Image.Image, prompt: str = "a cat on grass") -> Source:
    """A picture and its prompt as an inverter takes them."""
    size = latent_size(model, picture)
    return Source(
        picture=picture,
        latent=codec.encode(model, picture),
        text=model.read(prompt, size),
        empty=model.read("", size),
    )


def inverted_by(
    method: str,
    model: engine.Backbone,
    source: Source,
    steps: int,
    on_progress: OnProgress = silent,
    **params: Any,
) -> Inversion:
    """What an inverter finds out about a source."""
    given = resolved(model, method, params)
    return INVERTERS[method].invert(model, source, model.schedule(steps), given, on_progress)
