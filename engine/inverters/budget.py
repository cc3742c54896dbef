"""The budget of loss evaluations of a learning inversion, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from torch import Tensor

from engine.progress import Progress, Rows

_THERE_AND_BACK = 3
_HARD = 2.5


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Evaluations allowed per step; later steps may use what one leaves over. `taken` are those so far."""

    steps: Sequence[int]
    taken: list[int] = field(default_factory=list)

    def begin(self) -> int:
        """Start the next step, and return how many evaluations it may take."""
        most = sum(self.steps[: len(self.taken) + 1]) - sum(self.taken)
        self.taken.append(0)
        return max(most, 1)

    def take(self, latent: Tensor) -> Progress:
        """Count an evaluation, whose latent previews may show, and return the progress of the run."""
        self.taken[-1] += 1
        done, total = sum(self.taken), sum(self.steps)
        left = len(self.steps) - len(self.taken)
        rows = Rows(_THERE_AND_BACK * done + len(self.taken), _THERE_AND_BACK * self._likely() + left)
        return Progress("optimize", min(done, total), total, latent, rows)

    def _likely(self) -> int:
        """Evaluations that are likely still taken: as many a step as of late, and more at the very end.

        Steps that end early go on doing so, but the last but one, which leaves hardly any noise, was seen to
        take more than two of the first may.
        """
        steps, left = len(self.steps) - len(self.taken), sum(self.steps) - sum(self.taken)
        *before, now = self.taken
        if before:
            late, hard = fmean(before[-10:]), _HARD * self.steps[0]
            here = hard if steps == 1 else late
            ahead = max(here - now, 0) + late * steps + (hard if steps > 1 else 0)
            left = min(left, round(ahead))
        return max(left, steps)
