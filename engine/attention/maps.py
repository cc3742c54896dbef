"""Where words look, added up over a run."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.attention.heads import Heads
from engine.attention.site import Site
from engine.attention.step import Branch, Step


class Maps:
    """A control that only looks: cross-attention of the layers exactly `factor` coarser than the latent.

    `total` (rows, tokens, queries), the source first where there is one, is the mean over heads of what each
    pays by itself, before any edit, summed over layers and steps; None before the first step is done.
    """

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.total: Tensor | None = None
        self._seen: dict[str, Tensor] = {}

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and site.factor == self.factor and branch.name == "cond"

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        # By layer, and added up only after the step, since a step that ran out of memory is run again.
        rows = [heads] if heads.source is None else [heads.source, heads]
        self._seen[site.name] = torch.cat([each.probs.mean(1) for each in rows]).transpose(1, 2)
        return heads

    def add(self) -> None:
        """Count the step that was seen last."""
        for seen in self._seen.values():
            self.total = seen if self.total is None else self.total + seen
        self._seen = {}
