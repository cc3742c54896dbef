"""The two sentences of the product: invert a picture once, edit it ever after."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from engine import codec
from engine.attention import Chain
from engine.blend import Blending, pictures
from engine.denoise import Text, denoise
from engine.edit_plan import Edit
from engine.errors import InvalidParameter, RecordMismatch, UnknownMethod, memory_errors
from engine.inverters import INVERTERS, Inverter
from engine.methods import P2P
from engine.models import Models
from engine.record import SourceRecord, content_key
from engine.schedule import Schedule


@dataclass(frozen=True)
class Progress:
    """`step` of `total` is done in `phase`: encode, invert, edit, reconstruct or decode."""

    phase: str
    step: int
    total: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class EditResult:
    """What came of an edit: a picture per target prompt, and where each may differ from the source.

    `source` is the source row, decoded; with a pinned record it is the VAE's reconstruction. `masks` are
    white there, and None where no LocalBlend was asked for.
    """

    images: tuple[Image.Image, ...]
    source: Image.Image
    masks: tuple[Image.Image | None, ...]


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
    tell = on_progress or _silent
    inverter = _inverter(method, params)
    schedule = models.schedule(steps)
    tokens = codec.tokens(models, prompt)
    picture = codec.fit(models, image)
    with memory_errors():
        tell(Progress("encode", 0, 1))
        latent = codec.encode(models, picture)
        text = codec.embed(models, tokens)
        tell(Progress("encode", 1, 1))
        inversion = inverter(
            models, latent, text, schedule, lambda step, total: tell(Progress("invert", step, total))
        )
    return SourceRecord(
        key=_key(models, picture, prompt, method, inverter, schedule),
        revision=models.revision,
        dtype=models.dtype_name,
        method=method,
        prompt=prompt,
        steps=steps,
        pinned=inversion.pinned,
        trajectory=inversion.trajectory.cpu(),
        learned={name: tensor.cpu() for name, tensor in inversion.learned.items()},
    )


def edit(
    models: Models, record: SourceRecord, edit: Edit, *, on_progress: OnProgress | None = None
) -> EditResult:
    """Paint the record's picture anew for every target prompt of an edit.

    `on_progress` hears of every step; what it raises ends the edit and leaves no trace.

    Raises:
        PentimentoError: see `engine.errors`; all that is the user's comes before any work is done.
    """
    tell = on_progress or _silent
    _check_match(models, record)
    with memory_errors():
        plan = (edit.method or P2P()).plan(models, record, edit)
        blending = Blending(plan.blend) if plan.blend else None
        trajectory = record.trajectory.to(models.device)
        tell(Progress("encode", 0, 1))
        text = Text(
            cond=torch.cat([codec.embed(models, tokens) for tokens in plan.prompts]),
            uncond=codec.embed(models, codec.tokens(models, "")),
        )
        tell(Progress("encode", 1, 1))
        latents = denoise(
            models,
            trajectory[-1],
            text=text,
            schedule=models.schedule(record.steps),
            guidance_scale=plan.guidance_scale,
            control=Chain([blending, plan.control]) if blending else plan.control,
            pinned=trajectory if record.pinned else None,
            after=blending.after if blending else None,
            on_step=lambda step, total: tell(Progress("edit", step, total)),
        )
        source, *images = _decode(models, latents, tell)
    mask = blending.mask if blending else None
    masks = [None] * len(images) if mask is None else pictures(mask, source.size)
    return EditResult(images=tuple(images), source=source, masks=tuple(masks))


def reconstruct(
    models: Models, record: SourceRecord, *, on_progress: OnProgress | None = None
) -> Image.Image:
    """The picture as the record gives it back, unguided: the VAE's reconstruction where it is pinned.

    Raises:
        RecordMismatch, NumericalError, OutOfMemory: as their names say.
    """
    tell = on_progress or _silent
    _check_match(models, record)
    with memory_errors():
        trajectory = record.trajectory.to(models.device)
        latents = trajectory[:1]
        if not record.pinned:
            embedding = codec.embed(models, codec.tokens(models, record.prompt))
            latents = denoise(
                models,
                trajectory[-1],
                text=Text(cond=embedding, uncond=embedding),
                schedule=models.schedule(record.steps),
                phase="reconstruct",
                on_step=lambda step, total: tell(Progress("reconstruct", step, total)),
            )
        return _decode(models, latents, tell)[0]


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
    and its parameters, and the source prompt.
    """
    inverter = _inverter(method, params)
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


def _inverter(method: str, params: Mapping[str, Any] | None) -> Inverter:
    if not isinstance(method, str) or method not in INVERTERS:
        raise UnknownMethod(str(method), INVERTERS)
    try:
        return INVERTERS[method](**({} if params is None else params))
    except TypeError as error:
        raise InvalidParameter("params", params, f"the parameters of {method}") from error


def _check_match(models: Models, record: SourceRecord) -> None:
    if record.revision != models.revision:
        raise RecordMismatch("model", record.revision, models.revision)
    if record.dtype != models.dtype_name:
        raise RecordMismatch("dtype", record.dtype, models.dtype_name)


def _decode(models: Models, latents: torch.Tensor, tell: OnProgress) -> list[Image.Image]:
    images: list[Image.Image] = []
    for latent in latents:
        tell(Progress("decode", len(images), len(latents)))
        images.append(codec.decode_one(models, latent))
    tell(Progress("decode", len(images), len(latents)))
    return images


def _silent(progress: Progress) -> None:
    pass
