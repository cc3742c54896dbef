"""Guidance: which branches of a step run, and how their predictions become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Guidance(Protocol):
    """Combines the predictions of named branches; all are held quantities, (rows, C, h, w) each."""

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        """The branches that step `index` of `total` needs."""
        ...

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        """The guided prediction of step `index`, from those of its branches."""
        ...


@dataclass(frozen=True)
class ClassifierFree:
    """eps_uncond + w (eps_cond - eps_uncond), for a guidance scale w; at 1 the unconditional branch is idle.

    Ho and Salimans 2022, https://arxiv.org/abs/2207.12598.
    """

    scale: float

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return ("cond",) if self.scale == 1 else ("uncond", "cond")

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        cond = predictions["cond"]
        if self.scale == 1:
            return cond
        return predictions["uncond"] + self.scale * (cond - predictions["uncond"])


@dataclass(frozen=True)
class Embedded:
    """The conditional prediction as it is: of a network that was distilled to be fed the guidance scale.

    Meng et al. 2023, https://arxiv.org/abs/2210.03142.
    """

    scale: float

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return ("cond",)

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        return predictions["cond"]


@dataclass(frozen=True)
class Proximal:
    """Proximal guidance: a guidance without its smaller changes to the unconditional prediction, by row.

    d = guided - uncond becomes d - clamp(d, -m, m), where m is the `quantile` of |d| in the row; the guidance
    scale is in d and in m alike. Han et al. 2024, https://arxiv.org/abs/2306.05414, whose code calls this
    threshold "l0" and takes one m for all rows.
    """

    guidance: Guidance
    quantile: float

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return self.guidance.branches(index, total)

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        found = self._thresholded(predictions, index, total)
        if found is None:
            return self.guidance.combine(predictions, index, total)
        away, kept, _ = found
        return away + kept

    def largest(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor | None:
        """Where more than m is left of d, booleans (rows, C, h, w); None without an unconditional branch."""
        found = self._thresholded(predictions, index, total)
        if found is None:
            return None
        _, kept, most = found
        return kept.abs() > most

    def _thresholded(
        self, predictions: Mapping[str, Tensor], index: int, total: int
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """The unconditional prediction, what is left of d, and m (rows, 1, 1, 1)."""
        away = predictions.get("uncond", predictions.get("negative"))
        if away is None:
            return None
        change = self.guidance.combine(predictions, index, total) - away
        most = change.flatten(1).abs().quantile(self.quantile, dim=1)[:, None, None, None]
        return away, change - change.clamp(-most, most), most
