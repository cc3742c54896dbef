"""The cross-attention of a source's words: one pass over its path, without an edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.attention import Maps, Step, coarsened
from engine.backbones import Backbone
from engine.denoise import denoise
from engine.edit_checks import check_match
from engine.errors import memory_errors
from engine.progress import OnProgress, Progress, silent
from engine.record import SourceRecord
from engine.source_lane import source_lane
from parameters import FOUND_REGION, meet


def find_steps(steps: int) -> int:
    """The steps of a run of so many in which words are looked for: the last two thirds."""
    return steps - steps // 3


def find(
    model: Backbone, record: SourceRecord, words: Sequence[int], *, on_progress: OnProgress | None = None
) -> Tensor:
    """The cross-attention of words of the source's prompt, by index: added up over the run, (h, w).

    The source follows its path, so that it costs one row a step. The first third of the run is left out:
    where every level has a noise of its own (edit-friendly inversion), nothing can be seen there.

    Raises:
        RecordMismatch, UnknownMethod, UnsupportedByModel: as their names say.
        NumericalError, OutOfMemory: likewise.
    """
    report = on_progress or silent
    check_match(model, record)
    meet((FOUND_REGION,), model.spec.name, model.offers)
    path = record.trajectory.flip(0)
    first = record.steps - find_steps(record.steps)

    def pinned(step: Step, latents: Tensor, predictions: Mapping[str, Tensor]) -> Tensor:
        return path[step.index + 1][None].to(model.device)

    maps = Maps(model.spec.blend_factor)
    with memory_errors():
        start = path[first][None].to(model.device)
        lane = replace(
            source_lane(model, record, 1.0), start=start, first=first, observers=(maps,), after=pinned
        )
        denoise(model, [lane], phase="find", on_step=lambda *step: report(Progress("find", *step)))
        assert maps.total is not None
        spans = model.tokens(record.prompt).spans
        marks = torch.zeros(maps.total.shape[1], device=model.device)
        marks[[at for word in words for at in spans[word]]] = 1
        grid = coarsened(*record.size, model.spec.blend_factor)
        return (marks @ maps.total[0]).unflatten(-1, grid).cpu()
