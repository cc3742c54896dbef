"""The one sampling loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.attention import Step, slices, wanted_of_source
from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.errors import check_finite
from engine.lane import Lane
from engine.noise import Level, clean, move
from engine.progress import Rows

OnStep = Callable[[int, int, Tensor | None, Rows], None]
"""Called with steps done, how many there are, what the rows are without noise (rows, C, h, w), and the rows
that the denoiser took and will take. While a source catches up with a late start no step is done and there
are no latents yet.
"""
Predictions = Mapping[str, Tensor]
"""The denoiser's predictions, by branch."""
Predict = Callable[[Backbone, Tensor, Level, Step], Predictions]


@torch.no_grad()
def denoise(
    model: Backbone, lanes: Sequence[Lane], *, on_step: OnStep | None = None, phase: str = "edit"
) -> tuple[Tensor, ...]:
    """Sample every lane down to its last level, one after the other; returns (rows, C, h, w) of each.

    The source of a lane runs beside it and is no row of the batch.

    Raises:
        NumericalError: the latents became NaN or infinite, in this `phase`.
    """
    return tuple(_sampled(model, lane, on_step, phase) for lane in lanes)


def _sampled(model: Backbone, lane: Lane, on_step: OnStep | None, phase: str) -> Tensor:
    x = lane.start
    indices = range(lane.first, len(lane.calls))
    costs = [_cost(model, lane, lane.step(index)) for index in indices]
    if lane.source is not None:
        skipped = [lane.step(index) for index in range(lane.first)]
        behind = [lane.source.rows(step, {}) for step in skipped]
        for done, step in enumerate(skipped if any(behind) else (), start=1):
            lane.source.beside(step, {})
            if on_step:
                on_step(0, len(indices), None, Rows(sum(behind[:done]), sum((*behind[done:], *costs))))
        costs[0] += sum(behind)
    predict: Predict = together
    for done, index in enumerate(indices):
        call, step = lane.calls[index], lane.step(index)
        if lane.source is not None:
            step = replace(step, source=lane.source.beside(step, wanted_of_source(model.sites, step)))
        predictions, predict = _predicted(predict, model, x, call.shown, step)
        held = lane.guidance.combine(predictions, index, step.total)
        std, noise = lane.learned.noise(index)
        arrived = moved = move(x, held, call.at, call.to, std, noise)
        for observer in lane.observers:
            observer.after(step)
        arrived = lane.after(step, arrived, predictions) if lane.after else arrived
        arrived = check_finite(arrived, phase, index)
        if on_step:
            taken = Rows(sum(costs[: done + 1]), sum(costs[done + 1 :]))
            # Noise that the step added is none that the network has seen, so it is no part of `held`.
            fresh = moved - move(x, held, call.at, call.to) if std and call.to.s else 0
            on_step(done + 1, len(indices), clean(arrived - fresh, held, call.to), taken)
        x = arrived
    return x


def _predicted(
    predict: Predict, model: Backbone, x: Tensor, level: Level, step: Step
) -> tuple[Predictions, Predict]:
    """The predictions for every branch, and how they were made: one by one once memory was short."""
    if predict is not one_by_one:
        try:
            return predict(model, x, level, step), predict
        except torch.OutOfMemoryError:
            pass
    return one_by_one(model, x, level, step), one_by_one


def together(model: Backbone, x: Tensor, level: Level, step: Step) -> Predictions:
    """All branches in one call of the denoiser."""
    inputs = [
        x[list(branch.rows)] if branch.shift is None else x[list(branch.rows)] + branch.shift
        for branch in step.branches
    ]
    conditioning = Conditioning.cat([branch.conditioning for branch in step.branches])
    held = model.predict(torch.cat(inputs), level, conditioning, (step,))
    return {branch.name: held[rows] for _, branch, rows in slices((step,))}


def one_by_one(model: Backbone, x: Tensor, level: Level, step: Step) -> Predictions:
    """One call of the denoiser per branch: half the memory, the same numbers."""
    found: dict[str, Tensor] = {}
    for branch in step.branches:
        found |= together(model, x, level, step.of(branch))
    return found


def _cost(model: Backbone, lane: Lane, step: Step) -> int:
    """The rows that the denoiser takes in a step."""
    beside = lane.source.rows(step, wanted_of_source(model.sites, step)) if lane.source else 0
    return step.rows + beside
