"""StyleDiffusion in a fraction of the work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.inverters.base import Inversion, Inverter, Source, scale_of
from engine.inverters.budget import Budget
from engine.inverters.fitting import Fit, Fitting, ScaledValues, Task
from engine.lbfgs import Pair, minimise
from engine.learned import Learned
from engine.progress import OnProgress, Progress
from engine.record import SourceRecord
from engine.schedule import Schedule
from parameters import StyleDiffusion


class StyleDiffusionInverter(Inverter):
    """The losses of `FaithfulInverter`, minimised over gamma and beta themselves.

    For one picture gamma and beta are constants, so no network needs to learn them, and no vision tower to
    be asked. They start at identity (1, 0), where the prompt reads as it is. Every step starts from the one
    before, and from its curvature, since L-BFGS sees nearly the same function there. Step i has
    ceil(inner_steps exp(-0.02 i)) evaluations and those that earlier steps left over, and ends once the loss
    is below half of the published 1e-5 + 2e-5 i. The source of an edit follows the pivot itself.

    Li et al. 2023, https://arxiv.org/abs/2303.15649; docs/adr/0005 says what else was tried.

    Raises:
        NumericalError: a loss was no finite number, twice.
    """

    params = StyleDiffusion

    @torch.enable_grad()
    def invert(
        self,
        model: Backbone,
        source: Source,
        schedule: Schedule,
        params: StyleDiffusion,
        on_progress: OnProgress,
    ) -> Inversion:
        scale = scale_of(params)
        fitting = Fitting.of(model, source, schedule, scale, on_progress)
        budget = Budget(steps=_most(len(schedule), params))
        text = source.text.context
        identity = torch.stack([torch.ones_like(text), torch.zeros_like(text)]).float()
        fresh = carried = _Start(film=identity)
        x = fitting.trajectory[-1:]
        learned: list[tuple[Tensor, Tensor]] = []
        for index, call in fitting.calls():
            task, most = fitting.task(index, call, x), budget.begin()

            def attempt(
                fitting: Fitting, start: _Start, task: Task = task, most: int = most
            ) -> tuple[_Evaluation, tuple[Pair, ...]]:
                def evaluate(at: Tensor) -> _Evaluation:
                    seen = _Evaluation.of(fitting, task, at.view_as(start.film))
                    on_progress(budget.take(seen.fit.clean))
                    return seen

                enough = 0.5 * (1e-5 + 2e-5 * task.index)
                return minimise(
                    evaluate, start.film.flatten(), enough=enough, evaluations=most, pairs=start.pairs
                )

            best, pairs = fitting.retried(attempt, carried=carried, fresh=fresh)
            carried, x = _Start(best.film.detach(), pairs), best.fit.latent.detach()
            learned.append((carried.film[0], carried.film[1]))
        on_progress(Progress("optimize", sum(budget.steps), sum(budget.steps)))
        return fitting.inversion(learned)

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return ScaledValues.of(model, record.learned)

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """Evaluations of the losses."""
        return sum(_most(steps, params))


def _most(steps: int, params: StyleDiffusion) -> list[int]:
    """Evaluations that every step may take, with none left over."""
    return [math.ceil(params.inner_steps * math.exp(-0.02 * index)) for index in range(steps)]


class _Start(NamedTuple):
    """The start of a step: gamma and beta, (2, 1, tokens, width), and the curvature known there."""

    film: Tensor
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """The loss and gradient of a step at gamma and beta, (2, 1, tokens, width)."""

    film: Tensor
    fit: Fit

    @classmethod
    def of(cls, fitting: Fitting, task: Task, film: Tensor) -> _Evaluation:
        film = film.detach().requires_grad_()
        return cls(film, fitting.fit(task, film[0], film[1]))

    @property
    def value(self) -> float:
        return float(self.fit.loss.detach())

    def slope(self) -> Tensor:
        (slope,) = torch.autograd.grad(self.fit.loss, self.film)
        return slope.flatten()
