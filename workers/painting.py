"""The source of a job and the pictures painted from it: found or made, in the memory that there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
import structlog
import torch
from PIL import Image

import engine
import engine.fullres
import engine.regions
from api_schemas import EditRequest, InvertOptions
from parameters import FOUND_REGION, INVERSIONS, EditParameters, meet
from store import Claim, Store, record_id
from workers.eta import Phase
from workers.hot import Source
from workers.records import Lost, Records
from workers.reporter import Reporter

T = TypeVar("T")

log = structlog.get_logger(__name__)

_OF_THE_MODEL: Final = ("model", "dtype")


@dataclass(frozen=True, kw_only=True)
class Painted:
    """The results of an edit, all targets in one or each in one of its own, and the source beside them."""

    results: list[engine.EditResult]
    source: Source
    remade: bool


class Painter:
    """Paints with the loaded model; `exhausted` counts how often memory ran out."""

    def __init__(self, models: engine.Backbone, store: Store, records: Records) -> None:
        self._models, self._store, self._records = models, store, records
        self.exhausted = 0

    def source(
        self, claim: Claim, reporter: Reporter, then: Sequence[Phase] | None = None
    ) -> tuple[Source, bool]:
        """The source of the job, listed under its image, and whether it was there already.

        `then` are the phases that follow if it was not; None if all are expected already.
        """

        def on_lost(lost: Lost) -> None:
            if then is not None:
                reporter.expect(*inverting(claim.inversion), *then)
            if claim.listed or lost is not Lost.MISSING:
                reporter.warn(lost.code, lost.warning)

        source, cached = self._records.ensure(claim.record, claim.inversion, reporter, on_lost=on_lost)
        if not (cached and claim.listed):
            self._store.jobs.made(claim, source.stored)
        return source, cached

    def remake(self, claim: Claim, reporter: Reporter) -> Source:
        """The source made anew, in place of one of another model."""
        reporter.warn(Lost.FOREIGN.code, Lost.FOREIGN.warning)
        self._records.discard(claim.record)
        source, _ = self._records.ensure(claim.record, claim.inversion, reporter)
        self._store.jobs.made(claim, source.stored)
        return source

    def paint(
        self,
        claim: Claim,
        source: Source,
        edit: engine.Edit,
        reporter: Reporter,
    ) -> Painted:
        """The targets painted together, or one by one if there is not the memory for that."""
        results, then = self._with(
            claim, source, reporter, lambda source: self._paint(claim, source, edit, reporter)
        )
        return Painted(results=results, source=then, remade=then is not source)

    def narrowed(
        self,
        claim: Claim,
        request: EditRequest,
        mask: Image.Image | None,
        reporter: Reporter,
        then: Sequence[Phase],
    ) -> Claim:
        """The claim on the inversion of the surroundings of what the words that change look at.

        Where a mask was sent that confines the change, that says where. It is the same claim where the change
        is nearly everywhere. `then` are the phases that follow.
        """
        if mask is not None and confines(request.params):
            places = torch.from_numpy(np.array(mask)) > 0
            shown = (0.0, 0.0, float(mask.width), float(mask.height))
            short = self._models.spec.size
            return _on(claim, engine.regions.around(places, size=mask.size, shown=shown, smallest=short))
        meet((FOUND_REGION,), self._models.spec.name, self._models.offers)
        ahead = (
            Phase(name="find", steps=engine.find_steps(claim.inversion.steps)),
            *inverting(claim.inversion),
            *then,
        )
        source, _ = self.source(claim, reporter, ahead)
        reporter.expect(*ahead)
        reporter.show(source.picture)
        words = request.params.places(claim.inversion.prompt, request.targets)
        attention, source = self._with(
            claim,
            source,
            reporter,
            lambda source: engine.find(self._models, source.record, words, on_progress=reporter),
        )
        short = self._models.spec.size
        region = engine.regions.around(
            engine.regions.peaks(attention),
            size=source.sent,
            shown=engine.fullres.cropped(source.sent, source.picture.size, short=short),
            smallest=short,
        )
        return _on(claim, region)

    def _with(
        self, claim: Claim, source: Source, reporter: Reporter, work: Callable[[Source], T]
    ) -> tuple[T, Source]:
        """What is done with the source, and the source, made anew if it was of another model."""
        try:
            return work(source), source
        except engine.RecordMismatch as mismatch:
            if mismatch.name not in _OF_THE_MODEL:
                raise
        source = self.remake(claim, reporter)
        return work(source), source

    def _paint(
        self,
        claim: Claim,
        source: Source,
        edit: engine.Edit,
        reporter: Reporter,
    ) -> list[engine.EditResult]:
        def paint(what: engine.Edit) -> engine.EditResult:
            cache = self._records.features(claim.record)
            return engine.edit(self._models, source.record, what, cache=cache, on_progress=reporter)

        try:
            return [paint(edit)]
        except engine.OutOfMemory:
            log.warning("memory ran out; the edits are tried one by one")
        self.exhausted += 1
        self._records.make_room()
        reporter.warn("one_by_one", "The pictures were computed one by one, for lack of memory.")
        return [paint(replace(edit, only=target)) for target in range(len(edit.prompts))]


def asked(request: EditRequest, mask: Image.Image | None) -> engine.Edit:
    """What a request asks of the engine, with the mask that came with it."""
    return engine.Edit(
        prompt=request.targets,
        method=request.params,
        preset=request.preset,
        guidance_scale=request.guidance_scale,
        negative_prompt=request.negative_prompt,
        seed=request.seed or 0,
        mask=mask,
    )


def confines(params: EditParameters) -> bool:
    """Whether the mask that was sent bounds the change, and does not only add to what others open."""
    others = params.blend_words or params.subtract_words or params.diffedit_mask
    return params.combine_masks == "and" or not others


def _on(claim: Claim, region: engine.regions.Region | None) -> Claim:
    """The claim with the inversion of a region in place of that of the whole picture."""
    if region is None:
        return claim
    inversion = claim.inversion.model_copy(update={"region": region})
    found = record_id(claim.image_id, inversion)
    return replace(claim, inversion=inversion, record_id=found, listed=False)


def inverting(options: InvertOptions) -> tuple[Phase, ...]:
    """What an inversion does before there is a record; an inner step goes through the denoiser and back."""
    if INVERSIONS[options.method].paints:
        return (Phase(name="paint", steps=options.steps, rows=2),)
    inner = engine.INVERTERS[options.method].inner_steps_of(options.steps, options.params)
    return (
        Phase(name="encode", steps=1),
        Phase(name="invert", steps=options.steps),
        Phase(name="optimize", steps=inner, rows=3),
    )
