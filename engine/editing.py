"""Edits of an inverted picture, and its reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from engine import codec
from engine.attention import Maps, coarsened
from engine.attention_pictures import WordAttention, word_attention
from engine.backbones import Backbone
from engine.blend import Blending, pictures
from engine.conditioning import Reading
from engine.denoise import denoise
from engine.errors import Incompatible, RecordMismatch, UnsupportedByModel, memory_errors
from engine.feature_pictures import FeatureMaps, FeaturePicture
from engine.guidance import ClassifierFree
from engine.inverters import INVERTERS
from engine.lane import Lane
from engine.methods import METHODS
from engine.plan import Edit, EditPlan, Setting
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord
from engine.source import SourceCache, SourceRun
from parameters import INVERSIONS, for_pictures
from parameters.inversions import PATH


@dataclass(frozen=True, kw_only=True)
class EditResult:
    """What came of an edit: a picture per target prompt, and where each may differ from the source.

    `source` is the source beside them, decoded; where it follows its path it is the VAE's reconstruction.
    `masks` are white where a picture may differ, and None where no LocalBlend was asked for. `attention`
    shows where the words of each target look, `features` what the layers see; each is empty where it was not
    asked for. `cached`: the source cost the denoiser nothing.
    """

    images: tuple[Image.Image, ...]
    source: Image.Image
    masks: tuple[Image.Image | None, ...]
    attention: tuple[tuple[WordAttention, ...], ...]
    features: tuple[FeaturePicture, ...]
    cached: bool


def edit(
    model: Backbone,
    record: SourceRecord,
    edit: Edit,
    *,
    cache: SourceCache | None = None,
    on_progress: OnProgress | None = None,
) -> EditResult:
    """Paint the record's picture anew for every target prompt of an edit.

    What is in the `cache` of the source is not computed again; it changes no bit of the result. `on_progress`
    is called after every step; what it raises ends the edit and leaves no trace.

    Raises:
        PentimentoError: see `engine.errors`; all that is the user's comes before any work is done.
    """
    report = on_progress or silent
    _check_match(model, record)
    setting = Setting.of(model, record, edit)
    method = METHODS.find(setting.params.name)
    with memory_errors():
        plan = method.plan(setting)
    blend, attention = plan.blend, setting.params.attention
    if blend or attention:
        _check_words_seen(model, record)
        plan = replace(plan, follows=plan.follows or "as_inverted")
    with memory_errors():
        maps = Maps(model.spec.blend_factor, blend.maps if blend else "own")
        blending = Blending(blend, maps) if blend else None
        report(Progress("encode", 0, 1))
        lane = method.begin(plan, model, record)
        source = _source_of(model, record, plan, cache)
        report(Progress("encode", 1, 1, record.trajectory[:1]))
        lane = replace(
            lane,
            observers=(*lane.observers, maps) if blend or attention else lane.observers,
            source=source if plan.follows else None,
            after=blending.after if blending else lane.after,
        )
        (latents,) = denoise(model, [lane], on_step=lambda *step: report(Progress("edit", *step)))
        before = source.picture
        images = _decode(model, latents if before else torch.cat([source.latent, latents]), report)
        if before is None:
            before, *images = images
            source.keep(before)
        if blending:
            images = blending.composed(images, before)
    mask = blending.mask if blending else None
    seen = [each for each in lane.observers if isinstance(each, FeatureMaps)]
    return EditResult(
        images=tuple(images),
        source=before,
        masks=(None,) * len(images) if mask is None else tuple(pictures(mask, before.size)),
        attention=_attention(model, plan, maps.total, before, images) if attention else (),
        features=tuple(picture for each in seen for picture in each.pictures(before.size)),
        cached=source.calls == 0,
    )


def reconstruct(
    model: Backbone, record: SourceRecord, *, on_progress: OnProgress | None = None
) -> Image.Image:
    """The picture as the record gives it back: the VAE's reconstruction where its source follows its path.

    Where it does not, it is sampled: at the guidance scale that the record is good for, if there is such a
    one, and else unguided.

    Raises:
        RecordMismatch, UnknownMethod, NumericalError, OutOfMemory: as their names say.
    """
    report = on_progress or silent
    _check_match(model, record)
    with memory_errors():
        latents = record.trajectory[:1].to(model.device)
        if not INVERTERS[record.method].pinned:
            scale = record.guidance_scale
            lane = _source_lane(model, record, 1.0 if scale is None else scale)
            (latents,) = denoise(
                model,
                [lane],
                phase="reconstruct",
                on_step=lambda *step: report(Progress("reconstruct", *step)),
            )
        return _decode(model, latents, report)[0]


def _check_match(model: Backbone, record: SourceRecord) -> None:
    if record.revision != model.revision:
        raise RecordMismatch("model", record.revision, model.revision)
    if record.dtype != model.dtype_name:
        raise RecordMismatch("dtype", record.dtype, model.dtype_name)
    INVERTERS.find(record.method)


def _check_words_seen(model: Backbone, record: SourceRecord) -> None:
    """A blend and pictures of attention read the cross-attention of the edit and of its source."""
    if not any(site.kind == "cross" for site in model.sites):
        raise UnsupportedByModel(
            "a blend, or attention,", model.spec.name, "it has no cross-attention layers"
        )
    if PATH not in INVERSIONS[record.method].gives:
        suitable = [name for name, inversion in for_pictures().items() if PATH in inversion.gives]
        raise Incompatible("a blend, or attention,", record.method, [PATH], suitable)


def _source_lane(model: Backbone, record: SourceRecord, guidance_scale: float) -> Lane:
    """The source as a lane of one row, which reads its own prompt and all that was learned of it."""
    size = record.size
    return Lane(
        start=record.trajectory[-1:].to(model.device),
        calls=model.schedule(record.steps, size).denoising(),
        guidance=ClassifierFree(guidance_scale),
        conditionings=Reading(
            model, size, {"cond": record.prompt, "uncond": record.params.get("negative_prompt") or ""}
        ),
        learned=INVERTERS[record.method].learned(model, record.learned, record.prompt),
    )


def _source_of(model: Backbone, record: SourceRecord, plan: EditPlan, cache: SourceCache | None) -> SourceRun:
    pinned = INVERTERS[record.method].pinned or plan.follows != "as_inverted"
    lane = _source_lane(model, record, plan.guidance_scale)
    return SourceRun(model, record, lane, pinned=pinned, cache=cache)


def _attention(
    model: Backbone, plan: EditPlan, maps: Tensor | None, source: Image.Image, images: Sequence[Image.Image]
) -> tuple[tuple[WordAttention, ...], ...]:
    if maps is None:
        return ((),) * len(images)
    width, height = (side // model.vae_factor for side in source.size)
    grids = maps.unflatten(-1, coarsened(height, width, model.spec.blend_factor))
    coarser = model.vae_factor * model.spec.blend_factor
    return tuple(
        word_attention(grids[[0, 1 + row]], (plan.source, target), (source, image), coarser)
        for row, (target, image) in enumerate(zip(plan.targets, images, strict=True))
    )


def _decode(model: Backbone, latents: Tensor, report: OnProgress) -> list[Image.Image]:
    images: list[Image.Image] = []
    for latent in latents:
        report(Progress("decode", len(images), len(latents)))
        images.append(codec.decode_one(model, latent))
    report(Progress("decode", len(images), len(latents)))
    return images
