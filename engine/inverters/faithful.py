"""StyleDiffusion as published: one network per step, trained one step after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from engine import codec
from engine.inverters.base import Inversion, Source
from engine.inverters.fitting import Fitting, Task
from engine.inverters.parameters import Guided, check_flag, check_positive, check_whole
from engine.mapping import TokenMapping, seeded, stacked
from engine.models import Models
from engine.progress import OnProgress, Progress
from engine.schedule import Schedule

_SEED = 0


@dataclass(frozen=True, kw_only=True)
class StyleDiffusionFaithful(Guided):
    """Prompt-embedding inversion: M_t learns what the *values* of cross-attention read, so that guided
    sampling follows the pivot and attends as it did.

    min over M_t of MSE(step(eps_u + w (eps_c(V = c * gamma + beta) - eps_u)), z*) + sum MSE(A*, A), with
    gamma, beta = M_t(E(image)). Step i has ceil(inner_steps exp(-0.1 i)) steps of Adam at the rate
    learning_rate (1 - i / 100), starts from M_(i-1), and ends once the loss is below 1e-5 + 2e-5 i.
    With `keep_mapping` the weights of every M_t are learned tensors too, which no edit reads.

    Li et al. 2023, https://arxiv.org/abs/2303.15649, section 3, and the authors' code.

    Raises:
        UnknownModel: the model has no vision tower.
        NumericalError: a loss was no finite number, twice.
    """

    inner_steps: int = 100
    learning_rate: float = 1e-2
    keep_mapping: bool = False
    pinned: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("inner_steps", self.inner_steps, most=1000)
        check_positive("learning_rate", self.learning_rate)
        check_flag("keep_mapping", self.keep_mapping)

    @torch.enable_grad()
    def __call__(self, models: Models, source: Source, schedule: Schedule, tell: OnProgress) -> Inversion:
        features = codec.vision_features(models, source.picture)
        fitting = Fitting.of(models, source, schedule, self.scale(models), tell)
        fresh = seeded(_SEED, vision=_shape(features), text=_shape(source.text)).to(models.device)
        mappings = [fresh]
        budgets = [self.budget(index) for index in range(len(schedule))]
        x, learned = fitting.trajectory[-1:], []
        for index, move in fitting.moves():
            task = fitting.task(index, move, x)

            def heard(inner: int, latent: Tensor | None = None, done: int = sum(budgets[:index])) -> None:
                tell(Progress("optimize", done + inner, sum(budgets), latent))

            def attempt(
                fitting: Fitting, before: TokenMapping, task: Task = task
            ) -> tuple[TokenMapping, Tensor, Tensor, Tensor]:
                trained = self._train(fitting, task, features, deepcopy(before), heard)
                with torch.no_grad():
                    gamma, beta = trained(features)
                    return trained, gamma, beta, fitting.fit(task, gamma, beta).latent

            mapping, gamma, beta, x = fitting.retried(attempt, carried=mappings[-1], fresh=fresh)
            heard(budgets[index])
            learned.append((gamma, beta))
            mappings.append(mapping)
        return fitting.inversion(learned, stacked(mappings[1:]) if self.keep_mapping else None)

    def inner_steps_of(self, steps: int) -> int:
        """Steps of Adam."""
        return sum(self.budget(index) for index in range(steps))

    def budget(self, index: int) -> int:
        """The most inner steps that denoising step `index` may take."""
        return math.ceil(self.inner_steps * math.exp(-0.1 * index))

    def _train(
        self,
        fitting: Fitting,
        task: Task,
        features: Tensor,
        mapping: TokenMapping,
        heard: Callable[[int, Tensor], None],
    ) -> TokenMapping:
        adam = torch.optim.Adam(mapping.parameters(), lr=self.learning_rate * (1 - task.index / 100))
        for inner in range(self.budget(task.index)):
            fit = fitting.fit(task, *mapping(features))
            adam.zero_grad()
            fit.loss.backward()
            adam.step()
            heard(inner + 1, fit.clean)
            if fit.loss < 1e-5 + 2e-5 * task.index:
                break
        return mapping


def _shape(tokens: Tensor) -> tuple[int, int]:
    return tokens.shape[1], tokens.shape[2]
