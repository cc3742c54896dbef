"""LocalBlend: what the words do not cover stays the source's, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import prompts
from engine.alignment import Tokens
from engine.attention import Maps, Step, coarsened
from engine.window import Window
from parameters import EditParameters

BlendIn = Literal["latent", "picture"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalBlend:
    """Where an edit may show, by the cross-attention of chosen words (Hertz et al. 2022, section 4).

    `added` and `subtracted` (targets, 2, tokens) are 1 at the tokens of those words, for each target first in
    the source's prompt and then in its own; either may be None. Maps are taken in layers `factor` coarser
    than the latent; a place belongs to a word where its map exceeds `threshold` of its maximum, in the source
    or in the target. Blending runs during `window`, and `within` "picture" is done once more in the pictures.
    """

    added: Tensor | None
    subtracted: Tensor | None
    threshold: float
    window: Window
    factor: int
    within: BlendIn = "latent"
    maps: Literal["own", "edited"] = "own"

    @classmethod
    def of(
        cls,
        params: EditParameters,
        source: Tokens,
        targets: Sequence[Tokens],
        *,
        painted: slice,
        factor: int,
    ) -> LocalBlend | None:
        """The blend that an edit's parameters ask for, None if they ask for none; all words are known."""
        if not (params.blend_words or params.subtract_words):
            return None
        added = None
        if params.blend_words == "changed":
            added = _changed(source, targets, params.weighed)[painted]
        elif params.blend_words:
            added = _marks(params.blend_words, source, targets)[painted]
        return cls(
            added=added,
            subtracted=_marks(params.subtract_words, source, targets)[painted]
            if params.subtract_words
            else None,
            threshold=0.3 if params.blend_threshold is None else params.blend_threshold,
            window=Window(params.blend_start, 1.0),
            factor=factor,
            within=params.blend_in,
        )

    def mask(self, maps: Tensor, height: int, width: int) -> Tensor:
        """Where each target may differ from the source, (targets, height, width).

        `maps` (1 + targets, tokens, queries) are the source's and the targets', as `Maps` adds them up.
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
        word_maps = (words[:, :, None].to(maps.device) @ pairs)[:, :, 0].unflatten(-1, grid)
        pooled = F.max_pool2d(word_maps, pool, stride=1, padding=pool // 2)
        full = pooled.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        full = full[..., :height, :width]
        return (full > self.threshold * full.amax((-2, -1), keepdim=True)).any(1)


class Blending:
    """One run of a `LocalBlend`: the blend after each step, by the maps seen so far."""

    def __init__(self, blend: LocalBlend, maps: Maps) -> None:
        self.blend = blend
        self.maps = maps
        self.mask: Tensor | None = None

    def after(self, step: Step, latents: Tensor) -> Tensor:
        """z = z_source + mask (z - z_source), for the targets' latents (targets, C, h, w)."""
        if self.maps.total is None or step.source is None or step not in self.blend.window:
            return latents
        self.mask = self.blend.mask(self.maps.total, *latents.shape[-2:])
        return torch.where(self.mask[:, None], latents, step.source.latent)

    def composed(self, images: Sequence[Image.Image], source: Image.Image) -> list[Image.Image]:
        """The pictures where the mask is open and the source's everywhere else, to the pixel.

        A decoder spreads every latent over its neighbours, and so a change over places that are closed. The
        seam is half a latent wide, on the open side.
        """
        if self.mask is None or self.blend.within == "latent":
            return list(images)
        seams = [
            plane.resize(source.size, Image.Resampling.BILINEAR).point(lambda open_: max(0, 2 * open_ - 255))
            for plane in _planes(self.mask)
        ]
        return [Image.composite(image, source, seam) for image, seam in zip(images, seams, strict=True)]


def _marks(words: Sequence[str], source: Tokens, targets: Sequence[Tokens]) -> Tensor:
    """1 at the tokens of the words, (targets, 2, tokens): in the source's prompt, and in the target's."""
    marks = torch.zeros(len(targets), 2, len(source.ids))
    for word in words:
        marks[:, 0, source.occurrences(word)] = 1
        for row, target in enumerate(targets):
            marks[row, 1, target.occurrences(word)] = 1
    return marks


def _changed(source: Tokens, targets: Sequence[Tokens], weighed: Sequence[str]) -> Tensor:
    """Marks of the words that go, come, or are weighed anew."""
    marks = torch.zeros(len(targets), 2, len(source.ids))
    for row, target in enumerate(targets):
        changes = prompts.changed(source.prompt, target.prompt)
        marks[row, 0, [at for index in changes.gone for at in source.spans[index]]] = 1
        marks[row, 1, [at for index in changes.new for at in target.spans[index]]] = 1
        marks[row, 1, [at for word in weighed for at in target.occurrences(word)]] = 1
    return marks


def pictures(mask: Tensor, size: tuple[int, int]) -> list[Image.Image]:
    """A mask (targets, height, width) as pictures of (width, height) `size`, white where it is open."""
    return [plane.resize(size, Image.Resampling.NEAREST) for plane in _planes(mask)]


def _planes(mask: Tensor) -> list[Image.Image]:
    return [Image.fromarray(plane) for plane in (mask * 255).to(torch.uint8).cpu().numpy()]
