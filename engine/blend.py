"""LocalBlend: what the words do not cover stays the source's, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.attention import Branch, Heads, Site, Step, coarsened
from engine.window import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalBlend:
    """Where an edit may show, read off the cross-attention of chosen words.

    `added` and `subtracted` (targets, 2, tokens) are 1 at the tokens of those words, for each target first in
    the source's prompt and then in its own; either may be None. Maps are taken in layers `factor` coarser
    than the latent; a place belongs to a word where its map exceeds `threshold` of its maximum, in the source
    or in the target. Blending runs during `window`.
    """

    added: Tensor | None
    subtracted: Tensor | None
    threshold: float
    window: Window
    factor: int

    def mask(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Where each target may differ from the source, (targets, height, width).

        `maps` (rows, tokens, queries) are head-mean attention, summed over layers and steps.
        """
        if self.added is None:
            opened = torch.ones(len(maps) - 1, height, width, dtype=torch.bool, device=maps.device)
        else:
            opened = self._covered(maps, self.added, height, width, pool=3)
        if self.subtracted is None:
            return opened
        return opened & ~self._covered(maps, self.subtracted, height, width, pool=1)

    def _covered(self, maps: Tensor, words: Tensor, height: int, width: int, *, pool: int) -> Tensor:
        grid = coarsened(height, width, self.factor)
        pairs = torch.stack([maps[:1].expand_as(maps[1:]), maps[1:]], dim=1)
        word_maps = (words[:, :, None] @ pairs)[:, :, 0].unflatten(-1, grid)
        pooled = F.max_pool2d(word_maps, pool, stride=1, padding=pool // 2)
        full = pooled.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        full = full[..., :height, :width]
        return (full > self.threshold * full.amax((-2, -1), keepdim=True)).any(1)


class Blending:
    """One run of a `LocalBlend`: a control that only looks, and the blend after each step."""

    def __init__(self, blend: LocalBlend) -> None:
        self.blend = blend
        self.mask: Tensor | None = None
        self._seen: dict[str, Tensor] = {}
        self._maps: Tensor | None = None

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        cross = site.kind == "cross" and site.factor == self.blend.factor
        return cross and branch.name == "cond" and branch.has_source

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        # By layer, and added up only after the step, since a step that ran out of memory is run again.
        self._seen[site.name] = heads.probs.mean(1).transpose(1, 2)
        return heads

    def after(self, step: Step, latents: Tensor) -> Tensor:
        """z = z_source + mask (z - z_source), for latents (rows, C, h, w)."""
        for seen in self._seen.values():
            self._maps = seen if self._maps is None else self._maps + seen
        self._seen = {}
        if self._maps is None or step not in self.blend.window:
            return latents
        self.mask = self.blend.mask(self._maps, *latents.shape[-2:])
        return torch.cat([latents[:1], torch.where(self.mask[:, None], latents[1:], latents[:1])])


def pictures(mask: Tensor, size: tuple[int, int]) -> list[Image.Image]:
    """A mask (targets, height, width) as pictures of (width, height) `size`, white where it is open."""
    planes = (mask * 255).to(torch.uint8).cpu().numpy()
    return [Image.fromarray(plane).resize(size, Image.Resampling.NEAREST) for plane in planes]
