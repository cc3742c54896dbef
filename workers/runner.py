"""From a claimed job to its recorded end."""

import gc
import io
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

import structlog
from PIL import Image
from redis.exceptions import ConnectionError, TimeoutError

import engine
from api_schemas import (
    EditedImage,
    EditRequest,
    EditResult,
    ErrorCode,
    InvertOptions,
    InvertResult,
    Timings,
)
from store import Claim, Fenced, NoSuchImage, Store, keys
from workers.guard import Guard
from workers.metrics import compare
from workers.problems import problem_of
from workers.records import Records, Source
from workers.reporter import Canceled, HandedBack, Phase, Reporter

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PATIENCE_S: Final = 60.0


class Runner:
    """Runs one job at a time on the loaded model."""

    def __init__(
        self,
        models: engine.Models,
        store: Store,
        records: Records,
        guard: Guard,
        leaving: Callable[[], bool],
        lease_s: float,
    ) -> None:
        self._models, self._store, self._records = models, store, records
        self._guard, self._leaving, self._lease_s = guard, leaving, lease_s
        self._exhausted = 0

    @property
    def tainted(self) -> bool:
        """Whether memory ran out twice: what is left of it is not to be trusted."""
        return self._exhausted >= 2

    def run(self, claim: Claim) -> None:
        """Run the job to one of its ends, and record that end; nothing is raised for what the job did."""
        reporter = Reporter(self._store.jobs, claim, self._guard, self._leaving, self._lease_s)
        began = monotonic()
        self._guard.alive()
        try:
            with structlog.contextvars.bound_contextvars(job_id=claim.job_id, attempt=claim.attempt):
                outcome = self._to_an_end(claim, reporter)
                seconds = round(monotonic() - began, 3)
                log.info("job ended", kind=claim.kind, image=claim.image_id, outcome=outcome, seconds=seconds)
        finally:
            self._guard.rest()

    def _to_an_end(self, claim: Claim, reporter: Reporter) -> str:
        jobs = self._store.jobs
        try:
            try:
                result = self._compute(claim, reporter)
                self._guard.alive()
                self._end(claim, lambda: jobs.succeed(claim, result, tuple(reporter.warnings)))
                return "succeeded"
            except Canceled:
                self._end(claim, lambda: jobs.cancel(claim))
                return "canceled"
            except HandedBack:
                _patiently(lambda: jobs.hand_back(claim))
                return "handed back"
            except (Fenced, ConnectionError, TimeoutError):
                raise
            except Exception as error:
                self._exhausted += isinstance(error, engine.OutOfMemory)
                problem = problem_of(error, claim.job_id)
                unforeseen = problem.code is ErrorCode.INTERNAL_ERROR
                log.log(40 if unforeseen else 20, "job failed", code=problem.code, exc_info=unforeseen)
                self._end(claim, lambda: jobs.fail(claim, problem))
                return problem.code.value
        except Fenced:
            return "another's"

    def _end(self, claim: Claim, record: Callable[[], bool]) -> None:
        if not _patiently(record):
            self._records.forget(claim.image_id)

    def _compute(self, claim: Claim, reporter: Reporter) -> InvertResult | EditResult:
        if isinstance(claim.request, EditRequest):
            return self._edit(claim, claim.request, reporter)
        return self._invert(claim, claim.request, reporter)

    def _invert(self, claim: Claim, options: InvertOptions, reporter: Reporter) -> InvertResult:
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

    def _edit(self, claim: Claim, request: EditRequest, reporter: Reporter) -> EditResult:
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
        self._exhausted += 1
        gc.collect()
        reporter.warnings.append("the pictures were computed one by one, for lack of memory")
        images: list[Image.Image] = []
        masks: list[Image.Image | None] = []
        for prompt in edit.prompts:
            alone = engine.Edit(prompt=prompt, method=edit.method, guidance_scale=edit.guidance_scale)
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


def _patiently(record: Callable[[], T]) -> T:
    """Try for a minute to record an end, for the work behind it is done."""
    deadline = monotonic() + _PATIENCE_S
    while True:
        try:
            return record()
        except (ConnectionError, TimeoutError):
            if monotonic() > deadline:
                raise
            sleep(1)
