"""What the two kinds of job do."""

import gc
import io
from dataclasses import replace
from time import monotonic

import structlog
from PIL import Image

import engine
from api_schemas import EditedImage, EditRequest, EditResult, InvertOptions, InvertResult, Timings
from store import Claim, NoSuchImage, Store, keys
from workers.metrics import compare
from workers.records import Records, Source
from workers.reporter import Phase, Reporter

log = structlog.get_logger(__name__)


class Work:
    """Inverts and edits with the loaded model; `exhausted` counts how often memory ran out."""

    def __init__(self, models: engine.Models, store: Store, records: Records) -> None:
        self._models, self._store, self._records = models, store, records
        self.exhausted = 0

    def invert(self, claim: Claim, options: InvertOptions, reporter: Reporter) -> InvertResult:
        """Make the image's inversion, or find it; raises the errors of the engine and the store."""
        began = monotonic()
        self._check_model(options)
        reporter.expect(
            Phase(name="encode", steps=1),
            Phase(name="invert", steps=options.steps),
            Phase(name="reconstruct", steps=0 if options.method == "direct" else options.steps),
            Phase(name="decode", steps=1),
        )
        source, cached = self._records.ensure(claim.image_id, options, reporter)
        try:
            reconstruction = engine.reconstruct(self._models, source.record, on_progress=reporter)
        except engine.RecordMismatch:
            source, cached = self._remake(claim.image_id, options, reporter), False
            reconstruction = engine.reconstruct(self._models, source.record, on_progress=reporter)
        metrics = compare(source.picture, reconstruction, None)
        self._store.blobs.put(keys.working(claim.image_id), _png(source.picture))
        self._store.blobs.put(keys.reconstruction(claim.image_id), _png(reconstruction))
        return InvertResult(
            image_id=claim.image_id,
            source_url=keys.url(keys.working(claim.image_id)),
            reconstruction_url=keys.url(keys.reconstruction(claim.image_id)),
            psnr=metrics.psnr,
            ssim=metrics.ssim,
            width=source.picture.width,
            height=source.picture.height,
            cached=cached,
            seconds=round(monotonic() - began, 3),
        )

    def edit(self, claim: Claim, request: EditRequest, reporter: Reporter) -> EditResult:
        """Paint the image anew for every prompt; raises the errors of the engine and the store."""
        began = monotonic()
        options = self._options(claim.image_id)
        self._check_model(options)
        targets = request.targets
        editing = (
            Phase(name="edit", steps=options.steps, rows=1 + 2 * len(targets)),
            Phase(name="decode", steps=len(targets) + 1),
        )
        if self._records.find(claim.image_id) is None:
            reporter.expect(Phase(name="invert", steps=options.steps), *editing)
            reporter.warnings.append("the stored inversion was missing or damaged and was made again")
        source, cached = self._records.ensure(claim.image_id, options, reporter)
        found = monotonic()
        reporter.expect(*editing)
        method = engine.METHODS[request.method](**request.params.model_dump())
        edit = engine.Edit(prompt=targets, method=method, guidance_scale=request.guidance_scale)
        try:
            images, masks = self._paint(source, edit, reporter)
        except engine.RecordMismatch:
            reporter.warnings.append("the stored inversion was of another model and was made again")
            source, cached = self._remake(claim.image_id, options, reporter), False
            images, masks = self._paint(source, edit, reporter)
        painted = monotonic()
        saved: list[EditedImage] = []
        for prompt, image, mask in zip(targets, images, masks, strict=True):
            reporter.check()
            saved.append(
                EditedImage(
                    prompt=prompt,
                    url=self._save(claim.image_id, image),
                    mask_url=None if mask is None else self._save(claim.image_id, mask),
                    metrics=compare(source.picture, image, mask),
                )
            )
        return EditResult(
            image_id=claim.image_id,
            images=saved,
            source_cached=cached,
            timings=Timings(
                queued=round(claim.queued_s, 3),
                source=round(found - began, 3),
                edit=round(painted - found, 3),
                save=round(monotonic() - painted, 3),
            ),
        )

    def _paint(
        self, source: Source, edit: engine.Edit, reporter: Reporter
    ) -> tuple[list[Image.Image], list[Image.Image | None]]:
        try:
            result = engine.edit(self._models, source.record, edit, on_progress=reporter)
            return list(result.images), list(result.masks)
        except engine.OutOfMemory:
            log.warning("memory ran out; the edits are tried one by one")
        self.exhausted += 1
        gc.collect()
        reporter.warnings.append("the pictures were computed one by one, for lack of memory")
        images: list[Image.Image] = []
        masks: list[Image.Image | None] = []
        for target in range(len(edit.prompts)):
            alone = replace(edit, only=target)
            result = engine.edit(self._models, source.record, alone, on_progress=reporter)
            images += result.images
            masks += result.masks
        return images, masks

    def _remake(self, image_id: str, options: InvertOptions, reporter: Reporter) -> Source:
        self._records.discard(image_id)
        return self._records.ensure(image_id, options, reporter)[0]

    def _options(self, image_id: str) -> InvertOptions:
        image = self._store.images.get(image_id)
        if image is None:
            raise NoSuchImage(image_id)
        return InvertOptions.model_validate(
            image.model_dump(include={"prompt", "method", "steps", "params", "model"})
        )

    def _check_model(self, options: InvertOptions) -> None:
        served = self._store.settings.model_name
        if options.model not in (None, served):
            raise engine.UnknownModel(str(options.model), f"this worker serves {served}")

    def _save(self, image_id: str, image: Image.Image) -> str:
        png = _png(image)
        key = keys.result(image_id, png)
        self._store.blobs.put(key, png)
        return keys.url(key)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
