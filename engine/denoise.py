"""Guidance, and the one sampling loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from engine.attention import AttentionControl, Branch, BranchName, Chain, SourceStep, Step, controlled
from engine.errors import check_finite
from engine.models import Models
from engine.progress import Rows
from engine.schedule import Move, Schedule, clean, ddim_move, to_eps

OnStep = Callable[[int, int, Tensor, Rows], None]
"""Hears of steps done, of how many there are, what the rows are without noise, (rows, C, h, w), and of those
that the U-Net took and takes.
"""
After = Callable[[Step, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Text:
    """What the branches read: `cond` (rows, tokens, width) by row, `uncond` (1, tokens, width) in all.

    `values` (steps, rows, tokens, width), if given, is what the value projections of the conditional branch
    read instead, step by step.
    """

    cond: Tensor
    uncond: Tensor
    values: Tensor | None = None

    def of(self, branch: Branch) -> Tensor:
        """The embeddings of the rows of one branch, in order."""
        if branch.name == "uncond":
            return self.uncond.expand(len(branch.rows), -1, -1)
        return self.cond[list(branch.rows)]


Guidance = Callable[[Models, Tensor, int, Text, Step], list[Tensor]]
"""A way to run the branches of a step; gives what the U-Net said, branch by branch."""


def batched(models: Models, latents: Tensor, timestep: int, text: Text, step: Step) -> list[Tensor]:
    """All branches in one call of the U-Net."""
    x = torch.cat([latents[list(branch.rows)] for branch in step.branches])
    context = torch.cat([text.of(branch) for branch in step.branches])
    said = call_unet(models, x, timestep, context, step)
    return [said[rows] for _, rows in step.slices()]


def sequential(models: Models, latents: Tensor, timestep: int, text: Text, step: Step) -> list[Tensor]:
    """One call of the U-Net per branch: half the memory, the same numbers."""
    return [
        said for branch in step.branches for said in batched(models, latents, timestep, text, step.of(branch))
    ]


def sparing(models: Models, latents: Tensor, timestep: int, text: Text, step: Step) -> list[Tensor]:
    """Batched, or sequential where the device has no room for that."""
    try:
        return batched(models, latents, timestep, text, step)
    except torch.OutOfMemoryError:
        pass
    return sequential(models, latents, timestep, text, step)


class SourceRow(Protocol):
    """The source, which goes down its noise levels beside the rows of an edit."""

    def beside(self, step: Step, wanted: Mapping[BranchName, frozenset[str]]) -> SourceStep:
        """The source at a step, with its features at the sites wanted, by branch; asked for once a step."""

    def rows(self, step: Step, wanted: Mapping[BranchName, frozenset[str]]) -> int:
        """How many rows `beside` would give the U-Net by now, were the steps before it done."""


@torch.no_grad()
def denoise(
    models: Models,
    start: Tensor,
    *,
    text: Text,
    schedule: Schedule,
    guidance_scale: float = 1.0,
    control: AttentionControl | None = None,
    source: SourceRow | None = None,
    after: After | None = None,
    on_step: OnStep | None = None,
    phase: str = "edit",
    guidance: Guidance = sparing,
) -> Tensor:
    """Sample every row of `text` from `start` (C, h, w), level N, down to level 0; returns (rows, C, h, w).

    eps = eps_uncond + w (eps_cond - eps_uncond). With a `source`, controls may take from it; it is no row of
    the batch.

    Raises:
        NumericalError: the latents became NaN or infinite, in this `phase`.
    """
    control = control or Chain()
    rows, total = tuple(range(len(text.cond))), len(schedule)
    latents = start[None].expand(len(rows), -1, -1, -1)
    branches = branches_of(rows, guidance_scale)
    steps = [Step(index=index, total=total, branches=branches) for index in range(total)]
    costs = [_cost(models, control, source, step) for step in steps]
    with controlled(models.unet, control):
        for index, move in enumerate(schedule.denoising()):
            values = None if text.values is None else text.values[index]
            step = replace(steps[index], values=values)
            if source is not None:
                step = replace(step, source=source.beside(step, _wanted(models, control, step)))
            said = guidance(models, latents, move.timestep, text, step)
            eps = guided(latents, said, move, schedule, guidance_scale)
            latents = ddim_move(latents, eps, move)
            latents = after(step, latents) if after else latents
            check_finite(latents, phase, index)
            if on_step:
                taken = Rows(sum(costs[: index + 1]), sum(costs[index + 1 :]))
                on_step(index + 1, total, clean(latents, eps, move.alpha_to), taken)
    return latents


def branches_of(rows: tuple[int, ...], guidance_scale: float) -> tuple[Branch, ...]:
    """The branches that a guidance scale needs; at 1 the unconditional one counts for nothing."""
    return (Branch("uncond", rows), Branch("cond", rows))[0 if guidance_scale != 1 else 1 :]


def call_unet(models: Models, x: Tensor, timestep: int, context: Tensor, step: Step | None = None) -> Tensor:
    """What the U-Net says about x (rows, C, h, w), in float32."""
    said: Tensor = models.unet(
        x.to(models.dtype),
        timestep,
        encoder_hidden_states=context,
        cross_attention_kwargs=None if step is None else {"step": step},
    ).sample
    return said.float()


def guided(x: Tensor, said: list[Tensor], move: Move, schedule: Schedule, scale: float) -> Tensor:
    """The noise in x as the branches said: eps_uncond + w (eps_cond - eps_uncond)."""
    uncond, cond = (to_eps(part, x, move.alpha, schedule.prediction) for part in (said[0], said[-1]))
    return uncond + scale * (cond - uncond)


def _wanted(models: Models, control: AttentionControl, step: Step) -> dict[BranchName, frozenset[str]]:
    """The names of the layers that the control wants to look in, by branch."""
    return {
        branch.name: frozenset(site.name for site in models.sites if control.wants(site, step, branch))
        for branch in step.branches
    }


def _cost(models: Models, control: AttentionControl, source: SourceRow | None, step: Step) -> int:
    """The rows that the U-Net takes in a step."""
    rows = sum(len(branch.rows) for branch in step.branches)
    return rows + (source.rows(step, _wanted(models, control, step)) if source else 0)
