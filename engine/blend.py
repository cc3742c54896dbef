"""LocalBlend: masks from the cross-attention of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import prompts
from engine.alignment import Tokens
from engine.attention import coarsened
from engine.plan import Setting


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalBlend:
    """The places of chosen words, by their cross-attention (Hertz et al. 2022, section 4).

    `added` and `subtracted` (targets, 2, groups, tokens) are 1 at the tokens of those words, for each target
    first in the source's prompt and then in its own; either may be None. The maps of a group's tokens are
    added up, in layers `factor` coarser than the latent; a place belongs to a group where that exceeds
    `threshold` of its maximum, in the source or in the target. The target's are its "own" or the "edited"
    `maps`.

    As published, all words that open are one group. Words that close are a group each, so that of two things
    to keep the one with less attention is kept as well.
    """

    added: Tensor | None
    subtracted: Tensor | None
    threshold: float
    factor: int
    maps: Literal["own", "edited"] = "own"

    @classmethod
    def of(cls, setting: Setting[Any], read: Sequence[Tokens]) -> LocalBlend | None:
        """The places that the words of an edit name, None if it names none; all words are known.

        `read` are the prompts that the painted rows attend to. Where that is not the row's target, the words
        are looked for in the source alone.
        """
        params, source = setting.params, setting.source
        targets = setting.targets[setting.edit.painted]
        if not (params.blend_words or params.subtract_words):
            return None
        added, subtracted = None, None
        if params.blend_words == "changed":
            added = _changed(source, targets, params.weighed)[:, :, None]
        elif params.blend_words:
            added = _marks(params.blend_words, source, targets).amax(2, keepdim=True)
        if params.subtract_words:
            subtracted = _marks(params.subtract_words, source, targets)
        other = [row for row, target in enumerate(targets) if read[row].prompt != target.prompt]
        for marks in (added, subtracted):
            if marks is not None:
                marks[other, 1] = 0
        return cls(
            added=added,
            subtracted=subtracted,
            threshold=params.blend_threshold or setting.model.spec.blend_threshold,
            factor=setting.model.spec.blend_factor,
            maps=params.mask_attention,
        )

    def mask(self, maps: Tensor, height: int, width: int) -> Tensor:
        """The mask of the words for each target, (targets, height, width) of booleans.

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
        by_group = (words.to(maps.device) @ pairs).flatten(1, 2).unflatten(-1, grid)
        pooled = F.max_pool2d(by_group, pool, stride=1, padding=pool // 2)
        full = pooled.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        full = full[..., :height, :width]
        return (full > self.threshold * full.amax((-2, -1), keepdim=True)).any(1)


def _marks(words: Sequence[str], source: Tokens, targets: Sequence[Tokens]) -> Tensor:
    """1 at the tokens of each word, (targets, 2, words, tokens): in the source's prompt and the target's."""
    marks = torch.zeros(len(targets), 2, len(words), len(source.ids))
    for at, word in enumerate(words):
        marks[:, 0, at, source.occurrences(word)] = 1
        for row, target in enumerate(targets):
            marks[row, 1, at, target.occurrences(word)] = 1
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
