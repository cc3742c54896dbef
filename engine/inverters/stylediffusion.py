"""StyleDiffusion in a fraction of the work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from engine.inverters.base import Inversion, Source
from engine.inverters.budget import Budget
from engine.inverters.fitting import Fit, Fitting, Task
from engine.inverters.parameters import Guided, check_whole
from engine.lbfgs import Pair, minimise
from engine.models import Models
from engine.progress import OnProgress, Progress
from engine.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class StyleDiffusion(Guided):
    """The losses of `StyleDiffusionFaithful`, minimised over gamma and beta themselves.

    For one picture gamma and beta are constants, so no network needs to learn them, and no vision tower to
    be asked. They start at identity (1, 0), where the prompt reads as it is. Every step starts from the one
    before, and from its curvature, since L-BFGS sees nearly the same function there. Step i has
    ceil(inner_steps exp(-0.02 i)) evaluations and those that earlier steps left over, and ends once the loss
    is below half of the published 1e-5 + 2e-5 i. The source of an edit follows the pivot itself.

    Li et al. 2023, https://arxiv.org/abs/2303.15649; docs/adr/0005 says what else was tried.

    Raises:
        NumericalError: a loss was no finite number, twice.
    """

    inner_steps: int = 12
    pinned: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("inner_steps", self.inner_steps, most=1000)

    @torch.enable_grad()
    def __call__(self, models: Models, source: Source, schedule: Schedule, tell: OnProgress) -> Inversion:
        fitting = Fitting.of(models, source, schedule, self.scale(models), tell)
        budget = Budget(steps=self._most(len(schedule)))
        identity = torch.stack([torch.ones_like(source.text), torch.zeros_like(source.text)]).float()
        fresh = carried = _Start(film=identity)
        x = fitting.trajectory[-1:]
        learned: list[tuple[Tensor, Tensor]] = []
        for index, move in fitting.moves():
            task, most = fitting.task(index, move, x), budget.begin()

            def attempt(
                fitting: Fitting, start: _Start, task: Task = task, most: int = most
            ) -> tuple[_Evaluation, tuple[Pair, ...]]:
                def evaluate(at: Tensor) -> _Evaluation:
                    seen = _Evaluation.of(fitting, task, at.view_as(start.film))
                    tell(budget.take(seen.fit.clean))
                    return seen

                enough = 0.5 * (1e-5 + 2e-5 * task.index)
                return minimise(
                    evaluate, start.film.flatten(), enough=enough, evaluations=most, pairs=start.pairs
                )

            best, pairs = fitting.retried(attempt, carried=carried, fresh=fresh)
            carried, x = _Start(best.film.detach(), pairs), best.fit.latent.detach()
            learned.append((carried.film[0], carried.film[1]))
        tell(Progress("optimize", sum(budget.steps), sum(budget.steps)))
        return fitting.inversion(learned)

    def inner_steps_of(self, steps: int) -> int:
        """Evaluations of the losses."""
        return sum(self._most(steps))

    def _most(self, steps: int) -> list[int]:
        """Evaluations that every step may take, with none left over."""
        return [math.ceil(self.inner_steps * math.exp(-0.02 * index)) for index in range(steps)]


class _Start(NamedTuple):
    """Where a step starts: gamma and beta, (2, 1, tokens, width), and the curvature known there."""

    film: Tensor
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """What a step does with gamma and beta, (2, 1, tokens, width)."""

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
