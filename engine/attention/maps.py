"""Where words look, added up over a run."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.attention.heads import Heads
from engine.attention.site import Site
from engine.attention.step import Branch, Step


class Maps:
    """A control that only looks: cross-attention of the layers exactly `factor` coarser than the latent.

    `total` (1 + targets, tokens, queries), the source first, is the mean over heads of what each pays by
    itself, before any edit, summed over layers and steps; None before the first step is done.
    """

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.total: Tensor | None = None
        self._seen: dict[str, Tensor] = {}

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and site.factor == self.factor and branch.name == "cond"

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        # By layer, and added up only after the step, since a step that ran out of memory is run again.
        if heads.source is not None:
            both = heads.source.probs.mean(1), heads.probs.mean(1)
            self._seen[site.name] = torch.cat(both).transpose(1, 2)
        return heads

    def add(self) -> None:
        """Count the step that was seen last."""
        for seen in self._seen.values():
            self.total = seen if self.total is None else self.total + seen
        self._seen = {}
