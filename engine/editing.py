"""The second sentence of the product: edit an inverted picture ever after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from engine import codec
from engine.attending import WordAttention, word_attention
from engine.attention import Chain, Maps, Step, coarsened
from engine.blend import Blending, pictures
from engine.denoise import Text, denoise
from engine.edit_plan import Edit, EditPlan
from engine.errors import RecordMismatch, memory_errors
from engine.methods import P2P
from engine.models import Models
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord
from engine.source import SourceCache, SourceRun
from engine.values import carried, value_inputs
from engine.window import Window


@dataclass(frozen=True, kw_only=True)
class EditResult:
    """What came of an edit: a picture per target prompt, and where each may differ from the source.

    `source` is the source beside them, decoded; with a pinned record it is the VAE's reconstruction. `masks`
    are white where a picture may differ, and None where no LocalBlend was asked for. `attention` shows where
    the words of each target look, and is empty where nobody asked. `cached`: the source cost the U-Net
    nothing.
    """

    images: tuple[Image.Image, ...]
    source: Image.Image
    masks: tuple[Image.Image | None, ...]
    attention: tuple[tuple[WordAttention, ...], ...]
    cached: bool


def edit(
    models: Models,
    record: SourceRecord,
    edit: Edit,
    *,
    cache: SourceCache | None = None,
    on_progress: OnProgress | None = None,
) -> EditResult:
    """Paint the record's picture anew for every target prompt of an edit.

    What is in the `cache` of the source is not computed again; it changes no bit of the result. `on_progress`
    hears of every step; what it raises ends the edit and leaves no trace.

    Raises:
        PentimentoError: see `engine.errors`; all that is the user's comes before any work is done.
    """
    tell = on_progress or silent
    _check_match(models, record)
    with memory_errors():
        plan = (edit.method or P2P()).plan(models, record, edit)
        maps = Maps(models.spec.blend_factor)
        blending = Blending(plan.blend, maps) if plan.blend else None
        tell(Progress("encode", 0, 1))
        own, text = _texts(models, record, plan)
        tell(Progress("encode", 1, 1, record.trajectory[:1]))
        scale = plan.guidance_scale
        source = SourceRun(models, record, text=own, guidance_scale=scale, cache=cache)

        def after(step: Step, latents: Tensor) -> Tensor:
            maps.add()
            return blending.after(step, latents) if blending else latents

        latents = denoise(
            models,
            record.trajectory[-1].to(models.device),
            text=text,
            schedule=models.schedule(record.steps),
            guidance_scale=scale,
            control=Chain([maps, plan.control]) if blending or edit.attention else plan.control,
            source=source,
            after=after,
            on_step=lambda *step: tell(Progress("edit", *step)),
        )
        before = source.picture
        unseen = latents if before else torch.cat([source.latent, latents])
        images = _decode(models, unseen, tell)
        if before is None:
            before, *images = images
            source.keep(before)
        if blending:
            images = blending.composed(images, before)
    mask = blending.mask if blending else None
    return EditResult(
        images=tuple(images),
        source=before,
        masks=(None,) * len(images) if mask is None else tuple(pictures(mask, before.size)),
        attention=_attention(models, plan, maps.total, before, images) if edit.attention else (),
        cached=source.calls == 0,
    )


def reconstruct(
    models: Models, record: SourceRecord, *, on_progress: OnProgress | None = None
) -> Image.Image:
    """The picture as the record gives it back: the VAE's reconstruction where it is pinned.

    Where it is not, it is sampled at the guidance scale that the record is good for, if there is such a one,
    and else unguided.

    Raises:
        RecordMismatch, NumericalError, OutOfMemory: as their names say.
    """
    tell = on_progress or silent
    _check_match(models, record)
    with memory_errors():
        trajectory = record.trajectory.to(models.device)
        latents = trajectory[:1]
        if not record.pinned:
            latents = denoise(
                models,
                trajectory[-1],
                text=_text_of_source(models, record),
                schedule=models.schedule(record.steps),
                guidance_scale=1.0 if record.guidance_scale is None else record.guidance_scale,
                phase="reconstruct",
                on_step=lambda *step: tell(Progress("reconstruct", *step)),
            )
        return _decode(models, latents, tell)[0]


def _check_match(models: Models, record: SourceRecord) -> None:
    if record.revision != models.revision:
        raise RecordMismatch("model", record.revision, models.revision)
    if record.dtype != models.dtype_name:
        raise RecordMismatch("dtype", record.dtype, models.dtype_name)


def _text_of_source(models: Models, record: SourceRecord) -> Text:
    cond = codec.embed(models, codec.tokens(models, record.prompt))
    return Text(
        cond=cond,
        uncond=codec.embed(models, codec.tokens(models, "")),
        values=value_inputs(record, cond, Window(0.0, 1.0)),
    )


def _texts(models: Models, record: SourceRecord, plan: EditPlan) -> tuple[Text, Text]:
    """What the source reads, and what the targets do."""
    own = _text_of_source(models, record)
    cond = torch.cat([codec.embed(models, tokens) for tokens in plan.targets])
    read = cond
    if plan.value_prompt is not None:
        given, embedding = plan.value_prompt, codec.embed(models, plan.value_prompt)
        read = torch.cat([carried(given, embedding, target) for target in plan.targets])
    values = value_inputs(record, read, plan.tau_v)
    if values is None and plan.value_prompt is not None:
        values = read.expand(record.steps, -1, -1, -1)
    return own, Text(cond=cond, uncond=own.uncond, values=values)


def _attention(
    models: Models, plan: EditPlan, maps: Tensor | None, source: Image.Image, images: Sequence[Image.Image]
) -> tuple[tuple[WordAttention, ...], ...]:
    if maps is None:
        return ((),) * len(images)
    width, height = (side // models.vae_factor for side in source.size)
    grids = maps.unflatten(-1, coarsened(height, width, models.spec.blend_factor))
    coarser = models.vae_factor * models.spec.blend_factor
    return tuple(
        word_attention(grids[[0, 1 + row]], (plan.source, target), (source, image), coarser)
        for row, (target, image) in enumerate(zip(plan.targets, images, strict=True))
    )


def _decode(models: Models, latents: Tensor, tell: OnProgress) -> list[Image.Image]:
    images: list[Image.Image] = []
    for latent in latents:
        tell(Progress("decode", len(images), len(latents)))
        images.append(codec.decode_one(models, latent))
    tell(Progress("decode", len(images), len(latents)))
    return images
