"""The fit of a value input: StyleDiffusion's pivot, one guided step, and its two losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor

from engine.attention import Branch, Heads, Observer, Site, Step
from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.denoise import together
from engine.errors import NumericalError
from engine.inverters.base import Inversion, Source
from engine.inverters.ddim import trajectory
from engine.learned import Learned
from engine.mapping import film
from engine.noise import Call, clean, move
from engine.progress import OnProgress
from engine.schedule import Schedule

GAMMA, BETA = "gamma", "beta"

S = TypeVar("S")
T = TypeVar("T")
Maps = tuple[Tensor, ...]
"""Cross-attention of the conditional branch, layer by layer, (1, heads, queries, tokens) each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Denoising step `index`: from `x`, with the unconditional prediction `uncond`, to `goal`, (1, C, h, w)
    each, attending as in `maps`.
    """

    index: int
    call: Call
    x: Tensor
    uncond: Tensor
    goal: Tensor
    maps: Maps


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """One evaluation of a step: latents with and without noise, (1, C, h, w), and its losses L_rec, L_att."""

    latent: Tensor
    clean: Tensor
    reconstruction: Tensor
    attention: Tensor

    @property
    def loss(self) -> Tensor:
        """L_rec + L_att."""
        return self.reconstruction + self.attention


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitting:
    """One picture's steps, to be fitted one after the other.

    `trajectory` (N+1, C, h, w) is the pivot z*, conditional DDIM at w = 1, and `maps` A* are those of its N
    calls; `text` and `empty` are the source prompt and no words, as the denoiser reads them.
    """

    model: Backbone
    schedule: Schedule
    scale: float
    text: Conditioning
    empty: Conditioning
    trajectory: Tensor
    maps: tuple[Maps, ...]

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        model: Backbone,
        source: Source,
        schedule: Schedule,
        scale: float,
        on_progress: OnProgress,
    ) -> Fitting:
        """Invert a picture to what its steps are fitted to."""
        maps: list[Maps] = []

        def predict(x: Tensor, call: Call) -> Tensor:
            prediction, seen = _observed(model, x, call, source.text)
            maps.append(seen)
            return prediction

        pivot = trajectory(source.latent, schedule, predict, on_progress)
        return cls(
            model=model,
            schedule=schedule,
            scale=scale,
            text=source.text,
            empty=source.empty,
            trajectory=pivot,
            maps=tuple(maps),
        )

    def calls(self) -> Iterator[tuple[int, Call]]:
        """The denoising steps with their index."""
        return enumerate(self.schedule.denoising())

    @torch.no_grad()
    def task(self, index: int, call: Call, x: Tensor) -> Task:
        """The task of a step from x: its pivot, losses and guided step.

        It should arrive at z*_(N-1-index). Its maps are those at the latent it starts from, N-index; there is
        none at z*_N, so the first step takes those of z*_(N-1), as the second does (and the reference).
        """
        total = len(self.schedule)
        return Task(
            index=index,
            call=call,
            x=x,
            uncond=self.model.predict(x, call.shown, _cast(self.empty, self.model)),
            goal=self.trajectory[total - 1 - index][None],
            maps=self.maps[min(total - index, total - 1)],
        )

    def fit(self, task: Task, gamma: Tensor, beta: Tensor) -> Fit:
        """Take a step with the value input c * gamma + beta, (1, tokens, width) each, and measure it.

        L_rec = MSE(DDIM step with guidance, z*), L_att = sum over layers of MSE(A*, A).

        Raises:
            NumericalError: a loss is no finite number.
        """
        text = _cast(self.text, self.model)
        cond, maps = _observed(self.model, task.x, task.call, text, film(text.context, gamma, beta))
        held = task.uncond + self.scale * (cond - task.uncond)
        arrived = move(task.x, held, task.call.at, task.call.to)
        attention = [(wanted - seen).square().mean() for wanted, seen in zip(task.maps, maps, strict=True)]
        fit = Fit(
            latent=arrived,
            clean=clean(task.x, held.detach(), task.call.at),
            reconstruction=(arrived - task.goal).square().mean(),
            attention=torch.stack(attention).sum(),
        )
        if not torch.isfinite(fit.loss):
            raise NumericalError("optimize", task.index)
        return fit

    def retried(self, attempt: Callable[[Fitting, S], T], *, carried: S, fresh: S) -> T:
        """The result of an attempt that starts from what earlier steps carried over.

        After NaN or infinity there is one more try: with the denoiser in float32, or from a fresh start if it
        is in float32 already, where the same start would fail the same way.
        """
        try:
            return attempt(self, carried)
        except NumericalError:
            pass
        if self.model.dtype == torch.float32:
            return attempt(self, fresh)
        network = deepcopy(self.model.network).float()
        model = replace(self.model, network=network, dtype=torch.float32)
        return attempt(replace(self, model=model), carried)

    def inversion(
        self, learned: list[tuple[Tensor, Tensor]], more: Mapping[str, Tensor] | None = None
    ) -> Inversion:
        """The inversion with gamma and beta of every step, and more that was learned."""
        gamma, beta = (torch.cat(tensors) for tensors in zip(*learned, strict=True))
        return Inversion(
            trajectory=self.trajectory,
            learned={GAMMA: gamma, BETA: beta, **(more or {})},
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaledValues(Learned):
    """The values of every conditional row are read from c * gamma + beta, by step (steps, tokens, width).

    Li et al. 2023, https://arxiv.org/abs/2303.15649, section 3.4.
    """

    gamma: Tensor
    beta: Tensor

    @classmethod
    def of(cls, model: Backbone, tensors: Mapping[str, Tensor]) -> ScaledValues:
        """As the learned tensors of a record have it."""
        return cls(gamma=tensors[GAMMA].to(model.device), beta=tensors[BETA].to(model.device))

    def values(self, index: int, branch: str, context: Tensor) -> Tensor | None:
        if branch != "cond":
            return None
        return film(context, self.gamma[index : index + 1], self.beta[index : index + 1])


@dataclass(frozen=True)
class _Recorder(Observer):
    """Keeps the conditional cross-attention maps of the layers of one level."""

    factor: int
    maps: list[Tensor] = field(default_factory=list)

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and site.factor == self.factor and branch.name == "cond"

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        self.maps.append(heads.probs)


def _observed(
    model: Backbone, x: Tensor, call: Call, text: Conditioning, values: Tensor | None = None
) -> tuple[Tensor, Maps]:
    """The prediction for x in the conditional branch, and its cross-attention maps."""
    recorder = _Recorder(model.spec.blend_factor)
    branch = Branch(name="cond", rows=(0,), conditioning=text, values=values)
    step = Step(index=0, total=1, branches=(branch,), observers=(recorder,))
    return together(model, x, call.shown, step)["cond"], tuple(recorder.maps)


def _cast(text: Conditioning, model: Backbone) -> Conditioning:
    return replace(text, context=text.context.to(model.dtype))
