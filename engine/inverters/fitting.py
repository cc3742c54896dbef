"""What a value input is fitted to: StyleDiffusion's pivot, one guided step, and its two losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch import Tensor

from engine import codec
from engine.attention import Branch, Heads, Site, Step, controlled
from engine.denoise import call_unet
from engine.errors import NumericalError
from engine.inverters.base import Inversion, Source
from engine.inverters.ddim import ddim_trajectory
from engine.mapping import film
from engine.models import Models
from engine.progress import OnProgress
from engine.schedule import Move, Schedule, clean, ddim_move, to_eps

S = TypeVar("S")
T = TypeVar("T")
Maps = tuple[Tensor, ...]
"""Cross-attention of the conditional branch, layer by layer, (1, heads, queries, tokens) each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Denoising step `index`: from `x`, with the unconditional noise `uncond`, to `goal`, (1, C, h, w) each,
    attending as in `maps`.
    """

    index: int
    move: Move
    x: Tensor
    uncond: Tensor
    goal: Tensor
    maps: Maps


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """Where a step arrives and what that is without noise, (1, C, h, w) each; its losses L_rec and L_att."""

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
    calls; `text` and `empty` (1, tokens, width) embed the source prompt and no words.
    """

    models: Models
    schedule: Schedule
    scale: float
    text: Tensor
    empty: Tensor
    trajectory: Tensor
    maps: tuple[Maps, ...]

    @classmethod
    @torch.no_grad()
    def of(
        cls, models: Models, source: Source, schedule: Schedule, scale: float, tell: OnProgress
    ) -> Fitting:
        """Invert a picture to what its steps are fitted to."""
        maps: list[Maps] = []

        def ask(latent: Tensor, move: Move) -> Tensor:
            said, seen = _observe(models, latent, move, source.text)
            maps.append(seen)
            return said

        trajectory = ddim_trajectory(source.latent, schedule, ask, tell)
        return cls(
            models=models,
            schedule=schedule,
            scale=scale,
            text=source.text,
            empty=codec.embed(models, codec.tokens(models, "")),
            trajectory=trajectory,
            maps=tuple(maps),
        )

    def moves(self) -> Iterator[tuple[int, Move]]:
        """The denoising steps with their index."""
        return enumerate(self.schedule.denoising())

    @torch.no_grad()
    def task(self, index: int, move: Move, x: Tensor) -> Task:
        """What a step has to do from x.

        It should arrive at z*_(N-1-index). Its maps are those at the latent it starts from, N-index; nobody
        looked at z*_N, so the first step takes those of z*_(N-1), as the second does (and the reference).
        """
        total = len(self.schedule)
        said = call_unet(self.models, x, move.timestep, self.empty.to(self.models.dtype))
        return Task(
            index=index,
            move=move,
            x=x,
            uncond=to_eps(said, x, move.alpha, self.schedule.prediction),
            goal=self.trajectory[total - 1 - index][None],
            maps=self.maps[min(total - index, total - 1)],
        )

    def fit(self, task: Task, gamma: Tensor, beta: Tensor) -> Fit:
        """Take a step with the value input c * gamma + beta, (1, tokens, width) each, and measure it.

        L_rec = MSE(DDIM step with guidance, z*), L_att = sum over layers of MSE(A*, A).

        Raises:
            NumericalError: a loss is no finite number.
        """
        text = self.text.to(self.models.dtype)
        said, maps = _observe(self.models, task.x, task.move, text, film(text, gamma, beta))
        cond = to_eps(said, task.x, task.move.alpha, self.schedule.prediction)
        eps = task.uncond + self.scale * (cond - task.uncond)
        arrived = ddim_move(task.x, eps, task.move)
        attention = [(wanted - seen).square().mean() for wanted, seen in zip(task.maps, maps, strict=True)]
        fit = Fit(
            latent=arrived,
            clean=clean(task.x, eps.detach(), task.move.alpha),
            reconstruction=(arrived - task.goal).square().mean(),
            attention=torch.stack(attention).sum(),
        )
        if not torch.isfinite(fit.loss):
            raise NumericalError("optimize", task.index)
        return fit

    def retried(self, attempt: Callable[[Fitting, S], T], *, carried: S, fresh: S) -> T:
        """What an attempt gives from what earlier steps carried over.

        Numbers that are none get one more chance: with the U-Net in float32, or from a fresh start if it is
        in float32 already, where the same start would fail the same way.
        """
        try:
            return attempt(self, carried)
        except NumericalError:
            pass
        if self.models.dtype == torch.float32:
            return attempt(self, fresh)
        unet = deepcopy(self.models.unet).float()
        return attempt(replace(self, models=replace(self.models, unet=unet, dtype=torch.float32)), carried)

    def inversion(
        self, learned: list[tuple[Tensor, Tensor]], more: Mapping[str, Tensor] | None = None
    ) -> Inversion:
        """What came of it, from gamma and beta of every step, and more that was learned."""
        gamma, beta = (torch.cat(tensors) for tensors in zip(*learned, strict=True))
        return Inversion(
            trajectory=self.trajectory,
            learned={"gamma": gamma, "beta": beta, **(more or {})},
            guidance_scale=self.scale,
        )


@dataclass(frozen=True)
class _Recorder:
    """Keeps the conditional cross-attention maps of the layers of one level, and changes nothing."""

    factor: int
    maps: list[Tensor] = field(default_factory=list)

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and site.factor == self.factor and branch.name == "cond"

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        self.maps.append(heads.probs)
        return heads


def _observe(
    models: Models, x: Tensor, move: Move, text: Tensor, values: Tensor | None = None
) -> tuple[Tensor, Maps]:
    """What the U-Net says about x in the conditional branch, and where it looks on the way."""
    recorder = _Recorder(models.spec.blend_factor)
    step = Step(index=0, total=1, branches=(Branch("cond", (0,)),), values=values)
    with controlled(models.unet, recorder):
        said = call_unet(models, x, move.timestep, text, step)
    return said, tuple(recorder.maps)
