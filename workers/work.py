"""Inversions and edits: the work of a claimed job, from its request to its result."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from PIL import Image

import engine
import engine.codec
import engine.fullres
import engine.regions
from api_schemas import (
    AUTO,
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
from engine.noise_mask import NoiseMask
from parameters import INVERSIONS, EditParameters
from store import Claim, Store, inversion_info, keys
from workers import knowledge
from workers.eta import Phase
from workers.hot import Source
from workers.image_metrics import compare
from workers.marks import Made, png
from workers.measures import SOUGHT
from workers.painting import Painter, asked, confines, inverting
from workers.records import Records
from workers.reporter import Reporter
from workers.retry import keep

_Picture = tuple[Image.Image, Image.Image, Image.Image | None, tuple[engine.WordAttention, ...]]


class Work:
    """Inverts and edits with the loaded model, by a `painter`."""

    def __init__(self, models: engine.Backbone, store: Store, records: Records) -> None:
        self._models, self._store, self._records = models, store, records
        self.painter = Painter(models, store, records)

    def invert(self, claim: Claim, options: InvertOptions, reporter: Reporter) -> InvertResult:
        """Make the image's inversion, or find it; raises the errors of the engine and the store."""
        began = monotonic()
        self._check_model(options)
        reporter.expect(
            *inverting(options),
            _reconstructing(options),
            Phase(name="decode", steps=1),
            Phase(name="save", steps=1),
        )
        source, cached = self.painter.source(claim, reporter)
        try:
            reconstruction = engine.reconstruct(self._models, source.record, on_progress=reporter)
        except engine.RecordMismatch:
            source, cached = self.painter.remake(claim, reporter), False
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
            warnings=self._doubts(source, reconstruction),
            seconds=round(monotonic() - began, 3),
        )

    def edit(self, claim: Claim, request: EditRequest, reporter: Reporter) -> EditResult:
        """Paint the image anew for every prompt; raises the errors of the engine and the store."""
        began = monotonic()
        self._check_model(claim.inversion)
        targets = request.targets
        prompts_compared = 1 + len(targets) if request.params.diffedit_mask else 0
        editing = (
            Phase(name="encode", steps=1),
            Phase(name="mask", steps=prompts_compared, rows=NoiseMask().noises),
            Phase(name="edit", steps=claim.inversion.steps, rows=2 + 2 * len(targets)),
            Phase(name="decode", steps=len(targets) + 1),
            Phase(name="save", steps=len(targets)),
        )
        mask = self._records.originals.mask(claim.image_id, request.mask) if request.mask else None
        if request.region == AUTO:
            claim = self.painter.narrowed(claim, request, mask, reporter, editing)
        options = claim.inversion

        source, cached = self.painter.source(claim, reporter, editing)
        found = monotonic()
        shown = int(self._records.shows(source))
        reporter.expect(
            *(replace(each, steps=each.steps - shown) if each.name == "decode" else each for each in editing)
        )
        reporter.show(source.picture)
        edit = asked(request, engine.regions.part(mask, options.region) if mask else None)
        painted = self.painter.paint(claim, source, edit, reporter)
        source, cached = painted.source, cached and not painted.remade
        for doubt in self._doubts(source, painted.results[0].source):
            reporter.warn(doubt.code, doubt.message)
        ended = monotonic()
        for result in painted.results:
            SOUGHT.labels("features", "memory" if result.cached else "none").inc()
        pictures = [picture for result in painted.results for picture in _pictures(result)]
        saved: list[EditedImage] = []
        within = mask if mask and confines(request.params) else None
        for prompt, (before, image, opened, attention) in zip(targets, pictures, strict=True):
            reporter(engine.Progress("save", len(saved), len(targets)))
            if opened is not None and opened.getbbox() is None:
                reporter.warn("empty_mask", _changed_nothing(prompt, request.params, mask is not None))
            words = self._save_attention(claim.image_id, attention, reporter)
            saved.append(
                EditedImage(
                    prompt=prompt,
                    **self._save_sizes(claim, request, before, image, opened, within, reporter),
                    metrics=compare(source.picture, image, opened),
                    attention=words if attention else None,
                )
            )
        features = [
            self._save_features(claim.image_id, each, reporter)
            for result in painted.results
            for each in result.features
        ]
        reporter(engine.Progress("save", len(targets), len(targets)))
        return EditResult(
            image_id=claim.image_id,
            inversion=inversion_info(claim.record_id, options),
            chosen=claim.chosen,
            images=saved,
            features=features or None,
            attention_steps=list(painted.results[0].attention_steps) or None,
            seed=edit.seed,
            source_cached=cached,
            features_cached=all(result.cached for result in painted.results),
            timings=Timings(
                queued=round(claim.queued_s, 3),
                source=round(found - began, 3),
                edit=round(ended - found, 3),
                save=round(monotonic() - ended, 3),
            ),
        )

    def _doubts(self, source: Source, given_back: Image.Image) -> list[Notice]:
        """Why edits of the picture may be poor; `given_back` is its reconstruction."""
        if not engine.INVERTERS[source.record.method].pinned:
            latent = source.record.trajectory[:1].to(self._models.device)
            given_back = engine.codec.decode(self._models, latent)[0]
        return knowledge.doubts(
            knowledge.read(self._models.folder),
            sent=source.sent,
            working=source.picture.size,
            own=engine.fidelity(source.picture, given_back),
        )

    def _check_model(self, options: InvertOptions) -> None:
        served = self._store.settings.model_name
        if options.model not in (None, served):
            raise engine.UnknownModel(str(options.model), f"this worker serves {served}")

    def _save_sizes(
        self,
        claim: Claim,
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
        region = claim.inversion.region

        def urls(picture: Image.Image, mask: Image.Image | None) -> tuple[str, str | None]:
            url = self._save(claim.image_id, picture, reporter, request.output_format, request.quality)
            return url, None if mask is None else self._save(claim.image_id, mask, reporter)

        by_model = url, mask_url = urls(image, mask)
        fields: dict[str, Any] = dict(zip(("model_url", "model_mask_url"), by_model, strict=True))
        if mask is None and region is not None:
            mask = Image.new("L", image.size, 255)
        default = Resolution.MODEL if mask is None else Resolution.SOURCE
        asked_for = request.resolution or default
        if mask is not None or asked_for is Resolution.SOURCE:
            original = self._records.originals.get(claim.image_id, reporter)
            shown = engine.regions.shown_of(original.size, region, image.size, short=self._models.spec.size)
            full = engine.fullres.apply_edit(
                original, edit=image, source=before, mask=mask, within=within, shown=shown
            )
            in_full = urls(full.image, full.mask)
            fields |= zip(("full_url", "full_mask_url"), in_full, strict=True)
            url, mask_url = in_full if asked_for is Resolution.SOURCE else by_model
        return {**fields, "url": url, "mask_url": mask_url, "resolution": asked_for}

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


def _reconstructing(options: InvertOptions) -> Phase:
    """A source that runs free is sampled: with guidance, if it was learned for that."""
    rows = 2 if INVERSIONS[options.method].learns_scale else 1
    pinned = engine.INVERTERS[options.method].pinned
    return Phase(name="reconstruct", steps=0 if pinned else options.steps, rows=rows)


def _changed_nothing(prompt: str, params: EditParameters, sent: bool) -> str:
    """Why the mask of words opened no place, and what to do."""
    if sent and params.combine_masks == "and":
        return (
            f"The edit to '{prompt}' changed nothing: its words and the mask that was sent have no place in "
            "common. Open more of the mask, or combine them by 'or'."
        )
    return f"The edit to '{prompt}' changed nothing: its words name no place. Name others, or none."


def _pictures(result: engine.EditResult) -> Iterator[_Picture]:
    attention = result.attention or ((),) * len(result.images)
    sources = (result.source,) * len(result.images)
    return zip(sources, result.images, result.masks, attention, strict=True)
