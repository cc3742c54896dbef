"""Inversion: from a picture to the record that all its edits start from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from PIL import Image

import parameters
from engine import codec
from engine.backbones import Backbone
from engine.errors import InvalidParameter, memory_errors
from engine.inverters import INVERTERS, Source
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord, content_key
from engine.schedule import Schedule
from engine.source_cache import SourceCache, Walk
from parameters import InversionParameters


def invert(
    model: Backbone,
    image: Image.Image,
    *,
    prompt: str,
    method: str = "aligned",
    steps: int = 50,
    params: InversionParameters | Mapping[str, Any] | None = None,
    cache: SourceCache | None = None,
    on_progress: OnProgress | None = None,
) -> SourceRecord:
    """Invert a picture, described by a prompt, into the record that all its edits start from.

    An inversion that sees what edits take from the source puts it into their `cache`. `on_progress` is called
    after every step; what it raises ends the inversion and leaves no trace.

    Raises:
        PentimentoError: see `engine.errors`.
    """
    report = on_progress or silent
    given = resolved(model, method, params)
    parameters.check_supported(given, model.spec.name, model.offers)
    model.tokens(prompt)
    picture = codec.fit(model, image)
    schedule = model.schedule(steps, latent_size(model, picture))
    inverter = INVERTERS.find(method)
    key = _key(model, picture, prompt, given, schedule)
    if cache is not None:
        cache.begin()
    walk = None if cache is None else Walk(cache=cache, record=key, device=model.device)
    with memory_errors(), _undone(walk):
        report(Progress("encode", 0, 1))
        latent = codec.encode(model, picture)
        size = latent_size(model, picture)
        source = Source(
            picture=picture,
            latent=latent,
            text=model.read(prompt, size),
            empty=model.read("", size),
            walk=walk,
        )
        report(Progress("encode", 1, 1, latent))
        inversion = inverter.invert(model, source, schedule, given, report)
    return SourceRecord(
        key=key,
        revision=model.revision,
        dtype=model.dtype_name,
        method=method,
        prompt=prompt,
        steps=steps,
        params=parameters.changed_from_defaults(given),
        trajectory=inversion.trajectory.cpu(),
        learned={name: tensor.cpu() for name, tensor in inversion.learned.items()},
    )


def record_key(
    model: Backbone,
    image: Image.Image,
    *,
    prompt: str,
    method: str = "aligned",
    steps: int = 50,
    params: InversionParameters | Mapping[str, Any] | None = None,
) -> str:
    """The `key` that `invert` would give its record, without inverting.

    It covers the pixels after crop and resize, the model's files, the dtype, the noise levels, the method
    and those of its parameters that are not the default, and the source prompt.
    """
    picture = codec.fit(model, image)
    schedule = model.schedule(steps, latent_size(model, picture))
    return _key(model, picture, prompt, resolved(model, method, params), schedule)


def resolved(
    model: Backbone, method: str, params: InversionParameters | Mapping[str, Any] | None
) -> InversionParameters:
    """The parameters of an inversion with every None filled: by the model's value, else by the paper's.

    Raises:
        UnknownMethod, InvalidParameter: as their names say.
    """
    kind = parameters.find(parameters.INVERSIONS, method)
    if params is None or isinstance(params, Mapping):
        params = parameters.build(kind, params)
    if not isinstance(params, kind):
        raise InvalidParameter("params", params, f"the parameters of {method} by name")
    defaults = dict(model.spec.defaults.get(method, {}))
    if kind.learns_scale:
        defaults.setdefault("guidance_scale", model.spec.guidance_scale)
    return parameters.resolved(params, defaults)


def latent_size(model: Backbone, picture: Image.Image) -> tuple[int, int]:
    """Height and width of the latent of a working picture."""
    return picture.height // model.vae_factor, picture.width // model.vae_factor


@contextmanager
def _undone(walk: Walk | None) -> Iterator[None]:
    """Drop what was cached of an inversion that fails or is cancelled."""
    try:
        yield
    except BaseException:
        if walk is not None:
            walk.cache.forget(walk.record)
        raise


def _key(
    model: Backbone, picture: Image.Image, prompt: str, params: InversionParameters, schedule: Schedule
) -> str:
    return content_key(
        {
            "pixels": hashlib.sha256(picture.tobytes()).hexdigest(),
            "size": picture.size,
            "revision": model.revision,
            "dtype": model.dtype_name,
            "levels": schedule.levels,
            "method": params.name,
            "params": parameters.changed_from_defaults(params),
            "prompt": prompt,
        }
    )
