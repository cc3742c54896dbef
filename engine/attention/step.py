"""One call of the denoiser, as the layers see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

BranchName = Literal["uncond", "cond"]


@dataclass(frozen=True)
class Branch:
    """One side of the guidance, and the rows of the edit that run in it; row 0 is the source."""

    name: BranchName
    rows: tuple[int, ...]

    @property
    def has_source(self) -> bool:
        """Whether the source is there for the other rows to take from."""
        return self.rows[0] == 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """Denoiser call `index` of `total`, with the branches in the batch, one after the other.

    `values` (conditional rows, tokens, width), if given, is what the value projections of cross-attention
    read in the conditional branch, in place of the text embedding.
    """

    index: int
    total: int
    branches: tuple[Branch, ...]
    values: Tensor | None = None

    def of(self, branch: Branch) -> Step:
        """The same step with one branch alone in the batch."""
        return replace(self, branches=(branch,), values=self.values if branch.name == "cond" else None)

    def slices(self) -> Iterator[tuple[Branch, slice]]:
        """Each branch with its part of the batch."""
        start = 0
        for branch in self.branches:
            yield branch, slice(start, start + len(branch.rows))
            start += len(branch.rows)
