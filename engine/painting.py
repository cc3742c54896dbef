"""Pictures painted from a prompt: sources whose path is known exactly, for nothing was inverted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import parameters
from engine.attention import Step
from engine.backbones import Backbone
from engine.denoise import denoise
from engine.errors import memory_errors
from engine.inverters.base import scale_of
from engine.lane import Lane
from engine.noise import seeded_noise
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord, content_key
from parameters import Painted


def paint(
    model: Backbone,
    *,
    prompt: str,
    steps: int = 50,
    params: Painted | None = None,
    on_progress: OnProgress | None = None,
) -> SourceRecord:
    """Sample a picture from noise, and keep every latent on the way as the path of a source to edit.

    This is the setting of Prompt-to-Prompt's paper (Hertz et al. 2022, section 3). `reconstruct` gives the
    picture. `on_progress` is called after every step; what it raises ends the painting.

    Raises:
        PromptTooLong, InvalidParameter, NumericalError, OutOfMemory: as their names say.
    """
    report = on_progress or silent
    given = resolved(model, params)
    parameters.check_supported(given, model.spec.name, model.offers)
    size = _latent_size(model, given)
    calls = model.schedule(steps, size).denoising()
    model.tokens(prompt)
    reader = model.at(scale_of(given))
    with memory_errors():
        start = seeded_noise((1, model.vae.config.latent_channels, *size), given.seed, model.device)
        path = [start]

        def keep(step: Step, latents: Tensor, predictions: Mapping[str, Tensor]) -> Tensor:
            path.append(latents)
            return latents

        lane = Lane(
            start=start,
            calls=calls,
            guidance=model.guidance(scale_of(given)),
            conditionings={
                "cond": reader.read(prompt, size),
                "uncond": reader.read(given.negative_prompt or "", size),
            },
            after=keep,
        )
        denoise(model, [lane], phase="paint", on_step=lambda *step: report(Progress("paint", *step)))
    return SourceRecord(
        key=painted_key(model, prompt=prompt, steps=steps, params=given),
        revision=model.revision,
        dtype=model.dtype_name,
        method=Painted.name,
        prompt=prompt,
        steps=steps,
        params=parameters.changed_from_defaults(given),
        trajectory=torch.cat(path[::-1]).cpu(),
        learned={},
    )


def painted_key(model: Backbone, *, prompt: str, steps: int = 50, params: Painted | None = None) -> str:
    """The `key` that `paint` would give its record, without painting."""
    given = resolved(model, params)
    return content_key(
        {
            "revision": model.revision,
            "dtype": model.dtype_name,
            "levels": model.schedule(steps, _latent_size(model, given)).levels,
            "method": given.name,
            "params": parameters.changed_from_defaults(given),
            "prompt": prompt,
        }
    )


def resolved(model: Backbone, params: Painted | None) -> Painted:
    """The parameters with every None but the negative prompt filled by the model's defaults.

    Raises:
        InvalidParameter: a side that the model cannot paint.
    """
    spec = model.spec
    usual = {"guidance_scale": spec.guidance_scale, "width": spec.size, "height": spec.size}
    given = parameters.resolved(params or Painted(), usual)
    parameters.check_sides(*_sides(given), size=spec.size, stride=model.stride)
    return given


def _latent_size(model: Backbone, given: Painted) -> tuple[int, int]:
    width, height = _sides(given)
    return height // model.vae_factor, width // model.vae_factor


def _sides(given: Painted) -> tuple[int, int]:
    assert given.width is not None
    assert given.height is not None
    return given.width, given.height
