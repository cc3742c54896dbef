"""Places inside a denoiser that can be looked into."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["self", "cross", "joint", "feature"]
Stage = Literal["down", "mid", "up"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place to look into, by the name of its module: an attention layer, or a resnet's features.

    `factor` is how much coarser than the latent it is, along each side. Of the sites of its kind and stage, a
    share of `depth` comes before it, and of `until` before the next, so that "decoder layer 4 of 12" is the
    one at 1/3 in any network.
    """

    name: str
    stage: Stage
    kind: Kind
    factor: int
    depth: float
    until: float


@dataclass(frozen=True, kw_only=True)
class Sites:
    """A rule that picks sites of one kind in any network.

    Of all stages or of one; at least `factor` coarser than the latent; from the depth `first` on; or only the
    one that is `at` a depth.
    """

    kind: Kind
    stage: Stage | None = None
    factor: int = 1
    first: float = 0.0
    at: float | None = None

    def __contains__(self, site: Site) -> bool:
        return (
            site.kind == self.kind
            and self.stage in (None, site.stage)
            and site.factor >= self.factor
            and site.depth >= self.first
            and (self.at is None or site.depth <= self.at < site.until)
        )


def coarsened(height: int, width: int, factor: int) -> tuple[int, int]:
    """Rows and columns of query tokens in layers so much coarser than a latent of that height and width."""
    return math.ceil(height / factor), math.ceil(width / factor)
