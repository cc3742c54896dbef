"""StyleDiffusion as published: one network per step, trained one step after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from engine import codec
from engine.backbones import Backbone
from engine.inverters.base import Inversion, Inverter, Source, scale_of
from engine.inverters.fitting import Fitting, ScaledValues, Task
from engine.learned import Learned
from engine.mapping import TokenMapping, seeded, stacked
from engine.progress import OnProgress, Progress
from engine.record import SourceRecord
from engine.schedule import Schedule
from parameters import StyleDiffusionFaithful

_SEED = 0


class FaithfulInverter(Inverter):
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

    params = StyleDiffusionFaithful
    pinned = False

    @torch.enable_grad()
    def invert(
        self,
        model: Backbone,
        source: Source,
        schedule: Schedule,
        params: StyleDiffusionFaithful,
        on_progress: OnProgress,
    ) -> Inversion:
        features = codec.vision_features(model, source.picture)
        scale = scale_of(params)
        fitting = Fitting.of(model, source, schedule, scale, on_progress)
        fresh = seeded(_SEED, vision=_shape(features), text=_shape(source.text.context)).to(model.device)
        mappings = [fresh]
        budgets = [budget(index, params) for index in range(len(schedule))]
        x, learned = fitting.trajectory[-1:], []
        for index, call in fitting.calls():
            task = fitting.task(index, call, x)

            def report(inner: int, latent: Tensor | None = None, done: int = sum(budgets[:index])) -> None:
                on_progress(Progress("optimize", done + inner, sum(budgets), latent))

            def attempt(
                fitting: Fitting, before: TokenMapping, task: Task = task
            ) -> tuple[TokenMapping, Tensor, Tensor, Tensor]:
                trained = _trained(fitting, task, features, deepcopy(before), params, report)
                with torch.no_grad():
                    gamma, beta = trained(features)
                    return trained, gamma, beta, fitting.fit(task, gamma, beta).latent

            mapping, gamma, beta, x = fitting.retried(attempt, carried=mappings[-1], fresh=fresh)
            report(budgets[index])
            learned.append((gamma, beta))
            mappings.append(mapping)
        return fitting.inversion(learned, stacked(mappings[1:]) if params.keep_mapping else None)

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return ScaledValues.of(model, record.learned)

    def inner_steps_of(self, steps: int, params: Any) -> int:
        """Steps of Adam."""
        return sum(budget(index, params) for index in range(steps))


def budget(index: int, params: StyleDiffusionFaithful) -> int:
    """The most inner steps that denoising step `index` may take."""
    return math.ceil(params.inner_steps * math.exp(-0.1 * index))


def _trained(
    fitting: Fitting,
    task: Task,
    features: Tensor,
    mapping: TokenMapping,
    params: StyleDiffusionFaithful,
    report: Callable[[int, Tensor], None],
) -> TokenMapping:
    adam = torch.optim.Adam(mapping.parameters(), lr=params.learning_rate * max(1 - task.index / 100, 0.0))
    for inner in range(budget(task.index, params)):
        fit = fitting.fit(task, *mapping(features))
        adam.zero_grad()
        fit.loss.backward()
        adam.step()
        report(inner + 1, fit.clean)
        if fit.loss < 1e-5 + 2e-5 * task.index:
            break
    return mapping


def _shape(tokens: Tensor) -> tuple[int, int]:
    return tokens.shape[1], tokens.shape[2]
