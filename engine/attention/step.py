"""One call of the denoiser, as the layers see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from engine.attention.site import Site

BranchName = Literal["uncond", "cond"]
Record = Callable[[Site, Tensor], None]


@dataclass(frozen=True)
class Branch:
    """One side of the guidance, and the rows of the batch's latents that run in it."""

    name: BranchName
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """What the source looks like to the layers of one branch, in one step.

    `hidden`, by the site's name, is what enters that layer, (1, tokens, width); `context` (1, tokens, width)
    is the text that its cross-attention reads there, `values` what the value projections do, if not that.
    """

    hidden: Mapping[str, Tensor]
    context: Tensor
    values: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceStep:
    """The source beside a step: its features by branch, and the latent (1, C, h, w) that it moves to."""

    latent: Tensor
    features: Mapping[BranchName, Features] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """Denoiser call `index` of `total`, with the branches in the batch, one after the other.

    `values` (conditional rows, tokens, width), if given, is what the value projections of cross-attention
    read in the conditional branch, in place of the text embedding. `source` is what controls may take from.
    With `record`, every layer shows it what enters, and no control acts.
    """

    index: int
    total: int
    branches: tuple[Branch, ...]
    values: Tensor | None = None
    source: SourceStep | None = None
    record: Record | None = None

    def of(self, branch: Branch) -> Step:
        """The same step with one branch alone in the batch."""
        return replace(self, branches=(branch,), values=self.values if branch.name == "cond" else None)

    def slices(self) -> Iterator[tuple[Branch, slice]]:
        """Each branch with its part of the batch."""
        start = 0
        for branch in self.branches:
            yield branch, slice(start, start + len(branch.rows))
            start += len(branch.rows)
