"""The source of an edit as a lane of its own."""

from __future__ import annotations

from engine.backbones import Backbone
from engine.conditioning import Reading
from engine.inverters import INVERTERS
from engine.lane import Lane
from engine.plan import EditPlan, Follows
from engine.record import SourceRecord
from engine.source import SourceRun
from engine.source_cache import SourceCache
from parameters import INVERSIONS
from parameters.inversions import PATH


def follows_of(plan: EditPlan, record: SourceRecord, *, needed: bool) -> Follows | None:
    """The path of the source beside an edit, which a mask or the attention to words may need although the
    method does not: the record's, or its clean latent noised to every level where the record has none.
    """
    if PATH in INVERSIONS[record.method].gives:
        return plan.follows or ("path" if needed else None)
    return "noised" if needed else None


def source_lane(model: Backbone, record: SourceRecord, guidance_scale: float) -> Lane:
    """The source as a lane of one row, which reads its own prompt and all that was learned of it."""
    size = record.size
    return Lane(
        start=record.trajectory[-1:].to(model.device),
        calls=model.schedule(record.steps, size).denoising(),
        guidance=model.guidance(guidance_scale),
        conditionings=Reading(
            model.at(guidance_scale),
            size,
            {"cond": record.prompt, "uncond": record.params.get("negative_prompt") or ""},
        ),
        learned=INVERTERS[record.method].learned_of_source(model, record),
    )


def source_of(
    model: Backbone,
    record: SourceRecord,
    plan: EditPlan,
    follows: Follows | None,
    seed: int,
    cache: SourceCache | None,
) -> SourceRun:
    lane = source_lane(model, record, plan.guidance_scale)
    pinned = INVERTERS[record.method].pinned or follows != "as_inverted"
    noise = seed if follows == "noised" else None
    return SourceRun(model, record, lane, pinned=pinned, noise=noise, cache=cache)
