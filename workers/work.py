"""What the two kinds of job do."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Final

import structlog
from PIL import Image

import engine
import engine.codec
import engine.fullres
from api_schemas import (
    EditedImage,
    EditRequest,
    EditResult,
    FeaturePicture,
    InvertOptions,
    InvertResult,
    Notice,
    OutputFormat,
    Resolution,
    Timings,
    WordAttention,
)
from parameters import INVERSIONS, EditParameters
from store import Claim, RecordKey, Store, inversion_info, keys
from workers import knowledge
from workers.eta import Phase
from workers.image_metrics import compare
from workers.marks import Made, png
from workers.measures import SOUGHT
from workers.records import Lost, Records, Source
from workers.reporter import Reporter
from workers.retry import keep

log = structlog.get_logger(__name__)

_OF_THE_MODEL: Final = ("model", "dtype")
_Picture = tuple[Image.Image, Image.Image, Image.Image | None, tuple[engine.WordAttention, ...]]


class Work:
    """Inverts and edits with the loaded model; `exhausted` counts how often memory ran out."""

    def __init__(self, models: engine.Backbone, store: Store, records: Records) -> None:
        self._models, self._store, self._records = models, store, records
        self.exhausted = 0

    def invert(self, claim: Claim, options: InvertOptions, reporter: Reporter) -> InvertResult:
        """Make the image's inversion, or find it; raises the errors of the engine and the store."""
        began = monotonic()
        self._check_model(options)
        reporter.expect(
            *_inverting(options),
            _reconstructing(options),
            Phase(name="decode", steps=1),
            Phase(name="save", steps=1),
        )
        source, cached = self._source(claim, reporter)
        try:
            reconstruction = engine.reconstruct(self._models, source.record, on_progress=reporter)
        except engine.RecordMismatch:
            source, cached = self._remake(claim, reporter), False
            reconstruction = engine.reconstruct(self._models, source.record, on_progress=reporter)
        reporter(engine.Progress("save", 0, 1))
        metrics = compare(source.picture, reconstruction, None)
        working, reconstructed = keys.working(*claim.record), keys.reconstruction(*claim.record)
        self._put(working, png(source.picture), reporter)
        self._put(reconstructed, png(reconstruction), reporter)
        reporter(engine.Progress("save", 1, 1))
        return InvertResult(
            image_id=claim.image_id,
            inversion=inversion_info(claim.record_id, options),
            source_url=keys.url(working),
            reconstruction_url=keys.url(reconstructed),
            psnr=metrics.psnr,
            ssim=metrics.ssim,
            width=source.picture.width,
            height=source.picture.height,
            cached=cached,
            warnings=self._doubts(source, metrics.psnr),
            seconds=round(monotonic() - began, 3),
        )

    def edit(self, claim: Claim, request: EditRequest, reporter: Reporter) -> EditResult:
        """Paint the image anew for every prompt; raises the errors of the engine and the store."""
        began = monotonic()
        options = claim.inversion
        self._check_model(options)
        targets = request.targets
        editing = (
            Phase(name="encode", steps=1),
            Phase(name="edit", steps=options.steps, rows=2 + 2 * len(targets)),
            Phase(name="decode", steps=len(targets) + 1),
            Phase(name="save", steps=len(targets)),
        )

        source, cached = self._source(claim, reporter, editing)
        found = monotonic()
        reporter.expect(*editing)
        reporter.show(source.picture)
        mask = self._records.mask(claim.image_id, request.mask) if request.mask else None
        edit = _asked(request, mask)
        try:
            painted = self._paint(claim.record, source, edit, reporter)
        except engine.RecordMismatch as mismatch:
            if mismatch.name not in _OF_THE_MODEL:
                raise
            source, cached = self._remake(claim, reporter), False
            painted = self._paint(claim.record, source, edit, reporter)
        ended = monotonic()
        for result in painted:
            SOUGHT.labels("features", "memory" if result.cached else "none").inc()
        pictures = [picture for result in painted for picture in _pictures(result)]
        saved: list[EditedImage] = []
        within = mask if mask and _confines(request.params) else None
        for prompt, (before, image, opened, attention) in zip(targets, pictures, strict=True):
            reporter(engine.Progress("save", len(saved), len(targets)))
            if opened is not None and opened.getbbox() is None:
                reporter.warn("empty_mask", f"The masks of the edit to '{prompt}' have no place in common.")
            words = self._save_attention(claim.image_id, attention, reporter)
            saved.append(
                EditedImage(
                    prompt=prompt,
                    **self._save_sizes(claim.image_id, request, before, image, opened, within, reporter),
                    metrics=compare(source.picture, image, opened),
                    attention=words if attention else None,
                )
            )
        features = [
            self._save_features(claim.image_id, each, reporter)
            for result in painted
            for each in result.features
        ]
        reporter(engine.Progress("save", len(targets), len(targets)))
        return EditResult(
            image_id=claim.image_id,
            inversion=inversion_info(claim.record_id, options),
            images=saved,
            features=features or None,
            attention_steps=list(painted[0].attention_steps) or None,
            seed=edit.seed,
            source_cached=cached,
            features_cached=all(result.cached for result in painted),
            timings=Timings(
                queued=round(claim.queued_s, 3),
                source=round(found - began, 3),
                edit=round(ended - found, 3),
                save=round(monotonic() - ended, 3),
            ),
        )

    def _paint(
        self, key: RecordKey, source: Source, edit: engine.Edit, reporter: Reporter
    ) -> list[engine.EditResult]:
        """The targets painted together, or one by one if there is not the memory for that."""

        def paint(what: engine.Edit) -> engine.EditResult:
            cache = self._records.features(key)
            return engine.edit(self._models, source.record, what, cache=cache, on_progress=reporter)

        try:
            return [paint(edit)]
        except engine.OutOfMemory:
            log.warning("memory ran out; the edits are tried one by one")
        self.exhausted += 1
        self._records.make_room()
        reporter.warn("one_by_one", "The pictures were computed one by one, for lack of memory.")
        return [paint(replace(edit, only=target)) for target in range(len(edit.prompts))]

    def _source(
        self, claim: Claim, reporter: Reporter, then: Sequence[Phase] | None = None
    ) -> tuple[Source, bool]:
        """The source of the job, listed under its image, and whether it was there already.

        `then` are the phases that follow if it was not; None if all are expected already.
        """

        def on_lost(lost: Lost) -> None:
            if then is not None:
                reporter.expect(*_inverting(claim.inversion), *then)
            if claim.listed or lost is not Lost.MISSING:
                reporter.warn(lost.code, lost.warning)

        source, cached = self._records.ensure(claim.record, claim.inversion, reporter, on_lost=on_lost)
        if not (cached and claim.listed):
            self._store.jobs.made(claim, source.stored)
        return source, cached

    def _remake(self, claim: Claim, reporter: Reporter) -> Source:
        reporter.warn(Lost.FOREIGN.code, Lost.FOREIGN.warning)
        self._records.discard(claim.record)
        source, _ = self._records.ensure(claim.record, claim.inversion, reporter)
        self._store.jobs.made(claim, source.stored)
        return source

    def _doubts(self, source: Source, psnr: float) -> list[Notice]:
        """Why edits of the picture may be poor; `psnr` is its reconstruction's."""
        if not engine.INVERTERS[source.record.method].pinned:
            latent = source.record.trajectory[:1].to(self._models.device)
            psnr = compare(source.picture, engine.codec.decode(self._models, latent)[0], None).psnr
        knows = knowledge.read(self._models.folder)
        return knowledge.doubts(knows, sent=source.sent, working=source.picture, own_psnr=psnr)

    def _check_model(self, options: InvertOptions) -> None:
        served = self._store.settings.model_name
        if options.model not in (None, served):
            raise engine.UnknownModel(str(options.model), f"this worker serves {served}")

    def _save_sizes(
        self,
        image_id: str,
        request: EditRequest,
        before: Image.Image,
        image: Image.Image,
        mask: Image.Image | None,
        within: Image.Image | None,
        reporter: Reporter,
    ) -> dict[str, Any]:
        """The fields of an `EditedImage` that name the picture at the model's size and at the original's.

        `within` is a mask of the original's size beyond which nothing changes.
        """

        def urls(picture: Image.Image, mask: Image.Image | None) -> tuple[str, str | None]:
            url = self._save(image_id, picture, reporter, request.output_format, request.quality)
            return url, None if mask is None else self._save(image_id, mask, reporter)

        by_model = url, mask_url = urls(image, mask)
        fields: dict[str, Any] = dict(zip(("model_url", "model_mask_url"), by_model, strict=True))
        asked = request.resolution or (Resolution.MODEL if mask is None else Resolution.SOURCE)
        if mask is not None or asked is Resolution.SOURCE:
            original = self._records.sent(image_id, reporter)
            shown = engine.fullres.cropped(original.size, image.size, short=self._models.spec.size)
            full = engine.fullres.apply_edit(
                original, edit=image, source=before, mask=mask, within=within, shown=shown
            )
            in_full = urls(full.image, full.mask)
            fields |= zip(("full_url", "full_mask_url"), in_full, strict=True)
            url, mask_url = in_full if asked is Resolution.SOURCE else by_model
        return {**fields, "url": url, "mask_url": mask_url, "resolution": asked}

    def _save_attention(
        self, image_id: str, attention: Sequence[engine.WordAttention], reporter: Reporter
    ) -> list[WordAttention]:
        return [
            WordAttention(
                word=each.word,
                source_url=self._save_if(image_id, each.source, reporter),
                url=self._save_if(image_id, each.target, reporter),
                source_steps_url=self._save_if(image_id, each.source_steps, reporter),
                steps_url=self._save_if(image_id, each.target_steps, reporter),
            )
            for each in attention
        ]

    def _save_if(self, image_id: str, image: Image.Image | None, reporter: Reporter) -> str | None:
        return None if image is None else self._save(image_id, image, reporter)

    def _save_features(
        self, image_id: str, seen: engine.FeaturePicture, reporter: Reporter
    ) -> FeaturePicture:
        return FeaturePicture(
            kind=seen.kind,
            layer=seen.layer,
            step=seen.step,
            source_url=None if seen.source is None else self._save(image_id, seen.source, reporter),
            urls=[self._save(image_id, image, reporter) for image in seen.images],
        )

    def _save(
        self,
        image_id: str,
        image: Image.Image,
        reporter: Reporter,
        form: OutputFormat = OutputFormat.PNG,
        quality: int | None = None,
    ) -> str:
        data = png(image, Made.EDITED if self._store.settings.provenance else None)
        key = keys.result(image_id, data)
        self._put(key, data, reporter)
        return keys.url(key, form, quality)

    def _put(self, key: str, data: bytes, reporter: Reporter) -> None:
        keep(self._store.blobs, key, data, reporter.check)


def _inverting(options: InvertOptions) -> tuple[Phase, ...]:
    """What an inversion does before there is a record; an inner step goes through the denoiser and back."""
    if INVERSIONS[options.method].paints:
        return (Phase(name="paint", steps=options.steps, rows=2),)
    inner = engine.INVERTERS[options.method].inner_steps_of(options.steps, options.params)
    return (
        Phase(name="encode", steps=1),
        Phase(name="invert", steps=options.steps),
        Phase(name="optimize", steps=inner, rows=3),
    )


def _reconstructing(options: InvertOptions) -> Phase:
    """A source that runs free is sampled: with guidance, if it was learned for that."""
    rows = 2 if INVERSIONS[options.method].learns_scale else 1
    pinned = engine.INVERTERS[options.method].pinned
    return Phase(name="reconstruct", steps=0 if pinned else options.steps, rows=rows)


def _confines(params: EditParameters) -> bool:
    """Whether the mask that was sent bounds the change, and does not only add to what others open."""
    others = params.blend_words or params.subtract_words or params.diffedit_mask
    return params.combine_masks == "and" or not others


def _asked(request: EditRequest, mask: Image.Image | None) -> engine.Edit:
    return engine.Edit(
        prompt=request.targets,
        method=request.params,
        preset=request.preset,
        guidance_scale=request.guidance_scale,
        negative_prompt=request.negative_prompt,
        seed=request.seed or 0,
        mask=mask,
    )


def _pictures(result: engine.EditResult) -> Iterator[_Picture]:
    attention = result.attention or ((),) * len(result.images)
    sources = (result.source,) * len(result.images)
    return zip(sources, result.images, result.masks, attention, strict=True)
