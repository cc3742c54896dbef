"""Cross-attention maps of a prompt's tokens, added up over a run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor

from engine.attention.heads import Heads
from engine.attention.site import Site
from engine.attention.step import Branch, Observer, Step


class Maps(Observer):
    """Cross-attention of the conditional branch in layers exactly `factor` coarser than the latent.

    `total` (rows, tokens, queries), the source first where there is one, is the mean over heads, summed over
    layers and steps; None before the first step is done. A target's are its "own", before any edit, or the
    "edited" ones, which the published Prompt-to-Prompt reads. The source's are its conditional branch's,
    whichever a method takes features from. `by_step` are the maps of the steps `shown` alone.
    """

    beside = "cond"

    def __init__(
        self, factor: int, which: Literal["own", "edited"] = "own", shown: Collection[int] = ()
    ) -> None:
        self.factor, self.which, self.shown = factor, which, shown
        self.total: Tensor | None = None
        self.by_step: dict[int, Tensor] = {}
        self._seen: dict[str, Tensor] = {}

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and site.factor == self.factor and branch.name == "cond"

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        if self.which == "own":
            self._see(site, heads)

    def edited(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        if self.which == "edited":
            self._see(site, heads)

    def _see(self, site: Site, heads: Heads) -> None:
        rows = [heads] if heads.source is None else [heads.source, heads]
        self._seen[site.name] = torch.cat([each.probs.mean(1) for each in rows]).transpose(1, 2)

    def after(self, step: Step) -> None:
        for seen in self._seen.values():
            self.total = seen if self.total is None else self.total + seen
        if step.index in self.shown and self._seen:
            self.by_step[step.index] = torch.stack(list(self._seen.values())).sum(0)
        self._seen = {}
