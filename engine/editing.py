"""Edits of an inverted picture, and its reconstruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from engine import codec
from engine.attention import Maps, Step, coarsened
from engine.attention_pictures import WordAttention, word_attention
from engine.backbones import Backbone
from engine.denoise import denoise
from engine.edit_checks import check_branches, check_match, check_target_read
from engine.errors import EmptyMask, memory_errors
from engine.feature_pictures import FeatureMaps, FeaturePicture
from engine.guidance import Proximal
from engine.inversion_guidance import InversionGuidance
from engine.inverters import INVERTERS
from engine.lane import After
from engine.masks import Mask, Masking
from engine.methods import METHODS
from engine.noise_mask import NoiseMask, noise_mask
from engine.plan import Edit, EditPlan, Setting
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord
from engine.source_cache import SourceCache
from engine.source_lane import follows_of, source_lane, source_of
from engine.window import Window
from parameters import EditParameters


@dataclass(frozen=True, kw_only=True)
class EditResult:
    """The result of an edit: a picture per target prompt, and where each may differ from the source.

    `source` is the source beside them, decoded; where it follows its path it is the VAE's reconstruction.
    `masks` are white where a picture may differ, and None where no mask was asked for. `attention` shows
    where the words of each target look, in the whole run and in its steps `attention_steps`, `features` what
    the layers see; each is empty where it was not asked for. `cached`: the source cost the denoiser nothing.
    """

    images: tuple[Image.Image, ...]
    source: Image.Image
    masks: tuple[Image.Image | None, ...]
    attention: tuple[tuple[WordAttention, ...], ...]
    attention_steps: tuple[int, ...]
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
    check_match(model, record)
    setting = Setting.of(model, record, edit)
    method = METHODS.find(setting.params.name)
    with memory_errors():
        plan = method.plan(setting)
    check_branches(model, record, plan)
    mask, params = Mask.of(setting, plan.targets), setting.params
    plan, back = _proximal(plan, params)
    words = mask.words if mask else None
    looks = bool(words or params.attention or params.attention_steps)
    if looks:
        check_target_read(record, plan, setting)
    follows = follows_of(plan, record, needed=bool(mask or back) or looks)
    with memory_errors():
        report(Progress("encode", 0, 1))
        lane = method.begin(plan, model, record)
        shown = _spread(range(lane.first, len(lane.calls)), params.attention_steps)
        maps = Maps(model.spec.blend_factor, words.maps if words else "own", shown)
        source = source_of(model, record, plan, follows, edit.seed, cache)
        report(Progress("encode", 1, 1, record.trajectory[:1]))
        masking = Masking(mask, maps, _predicted(setting, mask, report)) if mask else None
        lane = replace(
            lane,
            observers=(*lane.observers, maps) if looks else lane.observers,
            source=source if follows else None,
            after=_in_turn(lane.after, *(change.after for change in (back, masking) if change)),
        )
        (latents,) = denoise(model, [lane], on_step=lambda *step: report(Progress("edit", *step)))
        before = source.picture
        images = _decode(model, latents if before else torch.cat([source.latent, latents]), report)
        if before is None:
            before, *images = images
            source.keep(before)
        if masking:
            images = masking.composed(images, before)
    seen = [each for each in lane.observers if isinstance(each, FeatureMaps)]
    shows = params.attention or params.attention_steps
    return EditResult(
        images=tuple(images),
        source=before,
        masks=tuple(masking.pictures(len(images), before.size)) if masking else (None,) * len(images),
        attention=_attention(model, plan, maps, before, images) if shows else (),
        attention_steps=tuple(maps.by_step),
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
    check_match(model, record)
    with memory_errors():
        latents = record.trajectory[:1].to(model.device)
        if not INVERTERS[record.method].pinned:
            scale = record.guidance_scale
            lane = source_lane(model, record, 1.0 if scale is None else scale)
            (latents,) = denoise(
                model,
                [lane],
                phase="reconstruct",
                on_step=lambda *step: report(Progress("reconstruct", *step)),
            )
        return _decode(model, latents, report)[0]


def _predicted(setting: Setting[EditParameters], mask: Mask, report: OnProgress) -> Tensor | None:
    """DiffEdit's mask for each target (targets, h, w), if it is one of the sources; raises `EmptyMask`."""
    if not mask.diffedit:
        return None
    edit = setting.edit
    targets = edit.prompts[edit.painted]
    found = noise_mask(setting.model, setting.record, targets, NoiseMask(), edit.seed, report)
    if mask.combine == "and":
        for target, opened in zip(targets, found, strict=True):
            if not opened.any():
                raise EmptyMask(
                    f"the predictions for {target!r} differ from those for the source prompt no more "
                    "in one place than in another"
                )
    return found


def _spread(steps: range, count: int) -> tuple[int, ...]:
    """At most so many of the steps, evenly from the first to the last; the last for one."""
    if count < 2:
        return tuple(steps[-1:])[:count]
    return tuple({steps[round((len(steps) - 1) * part / (count - 1))]: None for part in range(count)})


def _proximal(plan: EditPlan, params: EditParameters) -> tuple[EditPlan, InversionGuidance | None]:
    """The plan with proximal guidance if that is asked for, and inversion guidance if that is.

    What inversion guidance moves back is moved to the stored path, which the source then follows.
    """
    if params.proximal is None:
        return plan, None
    proximal = Proximal(plan.guidance, params.proximal)
    plan = replace(plan, guidance=proximal)
    if not params.inversion_guidance:
        return plan, None
    back = InversionGuidance(
        proximal=proximal,
        rate=params.inversion_guidance,
        window=Window(params.inversion_guidance_start, 1.0),
        radius=params.inversion_guidance_dilation,
    )
    return replace(plan, follows="path" if plan.follows == "as_inverted" else plan.follows), back


def _in_turn(*changes: After | None) -> After | None:
    given = [change for change in changes if change is not None]

    def after(step: Step, latents: Tensor, predictions: Mapping[str, Tensor]) -> Tensor:
        for change in given:
            latents = change(step, latents, predictions)
        return latents

    return after if given else None


def _attention(
    model: Backbone, plan: EditPlan, maps: Maps, source: Image.Image, images: Sequence[Image.Image]
) -> tuple[tuple[WordAttention, ...], ...]:
    if maps.total is None:
        return ((),) * len(images)
    width, height = (side // model.vae_factor for side in source.size)
    grid = coarsened(height, width, model.spec.blend_factor)
    coarser = model.vae_factor * model.spec.blend_factor
    # The whole run first, and then step by step.
    grids = torch.stack([maps.total, *maps.by_step.values()]).unflatten(-1, grid)
    return tuple(
        word_attention(grids[:, [0, 1 + row]], (plan.source, target), (source, image), coarser)
        for row, (target, image) in enumerate(zip(plan.targets, images, strict=True))
    )


def _decode(model: Backbone, latents: Tensor, report: OnProgress) -> list[Image.Image]:
    images: list[Image.Image] = []
    for latent in latents:
        report(Progress("decode", len(images), len(latents)))
        images.append(codec.decode_one(model, latent))
    report(Progress("decode", len(images), len(latents)))
    return images
