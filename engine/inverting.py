"""The first sentence of the product: invert a picture once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from engine import codec
from engine.errors import InvalidParameter, UnknownMethod, memory_errors
from engine.inverters import INVERTERS, Guided, Inverter, Source
from engine.models import Models
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord, content_key
from engine.schedule import Schedule


def invert(
    models: Models,
    image: Image.Image,
    *,
    prompt: str,
    method: str = "direct",
    steps: int = 50,
    params: Mapping[str, Any] | None = None,
    on_progress: OnProgress | None = None,
) -> SourceRecord:
    """Invert a picture, described by a prompt, into the record that all its edits start from.

    `on_progress` hears of every step; what it raises ends the inversion and leaves no trace.

    Raises:
        PentimentoError: see `engine.errors`.
    """
    tell = on_progress or silent
    inverter = _inverter(models, method, params)
    schedule = models.schedule(steps)
    tokens = codec.tokens(models, prompt)
    picture = codec.fit(models, image)
    with memory_errors():
        tell(Progress("encode", 0, 1))
        latent = codec.encode(models, picture)
        text = codec.embed(models, tokens)
        tell(Progress("encode", 1, 1, latent))
        source = Source(picture=picture, latent=latent, text=text)
        inversion = inverter(models, source, schedule, tell)
    return SourceRecord(
        key=_key(models, picture, prompt, method, inverter, schedule),
        revision=models.revision,
        dtype=models.dtype_name,
        method=method,
        prompt=prompt,
        steps=steps,
        pinned=inverter.pinned,
        guidance_scale=inversion.guidance_scale,
        trajectory=inversion.trajectory.cpu(),
        learned={name: tensor.cpu() for name, tensor in inversion.learned.items()},
    )


def record_key(
    models: Models,
    image: Image.Image,
    *,
    prompt: str,
    method: str = "direct",
    steps: int = 50,
    params: Mapping[str, Any] | None = None,
) -> str:
    """The `key` that `invert` would give its record, without inverting.

    It covers the pixels after crop and resize, the model's files, the dtype, the noise levels, the method
    and its parameters (with them the guidance scale of a method that learns at one), and the source prompt.
    """
    inverter = _inverter(models, method, params)
    return _key(models, codec.fit(models, image), prompt, method, inverter, models.schedule(steps))


def _key(
    models: Models, picture: Image.Image, prompt: str, method: str, inverter: Inverter, schedule: Schedule
) -> str:
    return content_key(
        {
            "pixels": hashlib.sha256(picture.tobytes()).hexdigest(),
            "size": picture.size,
            "revision": models.revision,
            "dtype": models.dtype_name,
            "timesteps": schedule.timesteps,
            "prediction": schedule.prediction,
            "method": method,
            "params": vars(inverter),
            "prompt": prompt,
        }
    )


def _inverter(models: Models, method: str, params: Mapping[str, Any] | None) -> Inverter:
    if not isinstance(method, str) or method not in INVERTERS:
        raise UnknownMethod(str(method), INVERTERS)
    try:
        inverter: Any = INVERTERS[method](**({} if params is None else params))
    except TypeError as error:
        raise InvalidParameter("params", params, f"the parameters of {method}") from error
    # Said in full, so that equal requests have equal keys.
    scale = inverter.scale(models) if isinstance(inverter, Guided) else None
    return inverter if scale is None else replace(inverter, guidance_scale=scale)
