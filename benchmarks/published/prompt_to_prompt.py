"""Prompt-to-Prompt's refinement, re-weighting and LocalBlend, with the published code's own choices.

Hertz et al. 2022, https://arxiv.org/abs/2208.01626. Where text and code leave room: padding tokens stay at
their absolute positions, re-weighting lasts as long as the cross-attention is the source's, and LocalBlend
reads the maps of the target after they were edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.published.attention import is_cross, open_attention
from benchmarks.published.parts import Parts
from benchmarks.published.sampling import Levels

_LARGEST_SELF = 32**2


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """One edit. `reweight` has factors by target word; `blend_words` are of the source and the target, and
    are read in layers `blend_factor` coarser than the latent.
    """

    source: str
    target: str
    guidance_scale: float = 7.5
    tau_c: float = 0.8
    tau_s: float = 0.4
    reweight: Mapping[str, float] = field(default_factory=dict)
    blend_words: tuple[Sequence[str], Sequence[str]] | None = None
    blend_threshold: float = 0.3
    blend_start: float = 0.2
    blend_factor: int = 4


@torch.no_grad()
def edit(
    parts: Parts,
    start: Tensor,
    asked: Refinement,
    *,
    steps: int,
    path: Tensor | None = None,
    uncond: Tensor | None = None,
    shifts: Tensor | None = None,
) -> Tensor:
    """The latents of source and target, (2, C, h, w), sampled together from `start` (1, C, h, w).

    With a `path` (N+1, C, h, w), clean first, the source is laid on it after each step (Direct inversion).
    `uncond` (N, tokens, width), noisiest step first, replaces the empty prompt in both rows (Null-text), and
    `shifts` (N, C, h, w) are added to what the U-Net sees (DirectEdit).
    """
    levels = Levels.of(parts, steps)
    cond = parts.embed([asked.source, asked.target])
    null = parts.embed([""]).expand(steps, -1, -1) if uncond is None else uncond
    mapper, kept = refine(parts.ids(asked.source), parts.ids(asked.target), parts.length)
    factors = torch.ones(parts.length)
    for word, factor in asked.reweight.items():
        factors[parts.positions(asked.target, word)] = factor
    blended = _marks(parts, asked)
    coarse = tuple(-(-side // asked.blend_factor) for side in start.shape[-2:])
    seen = torch.zeros(2, *coarse)
    x = start.repeat(2, 1, 1, 1)
    for index, level in enumerate(range(steps, 0, -1)):

        def on_map(name: str, probs: Tensor, index: int = index) -> Tensor:
            # Rows: null source, null target, source, target.
            source, target = probs[2], probs[3]
            # The published windows of cross-attention are fractions of levels, of which there is one more.
            if is_cross(name) and index < int(asked.tau_c * (steps + 1)):
                target = (source[..., mapper] * kept + target * (1 - kept)) * factors
            elif not is_cross(name) and index < int(asked.tau_s * steps) and probs.shape[-2] <= _LARGEST_SELF:
                target = source
            if is_cross(name) and probs.shape[-2] == coarse[0] * coarse[1]:
                maps = torch.stack([source, target]).mean(1) * blended[:, None]
                seen.add_(maps.sum(-1).unflatten(-1, coarse))
            return torch.cat([probs[:3], target[None]])

        context = torch.cat([null[index].expand(2, -1, -1), cond])
        with open_attention(parts.unet, on_map=on_map):
            shown = x if shifts is None else x + shifts[index]
            base, prompted = parts.noise(shown.repeat(2, 1, 1, 1), levels.timesteps[level], context).chunk(2)
        x = levels.move(x, base + asked.guidance_scale * (prompted - base), level, level - 1)
        if path is not None:
            x = torch.cat([path[level - 1 : level], x[1:]])
        if asked.blend_words and index >= int(asked.blend_start * steps):
            mask = _mask(seen, x.shape[-2:], asked.blend_threshold)
            x = torch.cat([x[:1], torch.where(mask, x[1:], x[:1])])
    return x


def refine(source: Sequence[int], target: Sequence[int], length: int) -> tuple[Tensor, Tensor]:
    """Which source token each target token takes the attention of, and 1 where it does take it, (length,).

    Global alignment with match 1, mismatch -1 and gap 0; among equals a new target token comes first, then a
    source token that goes. Behind the target's end, positions are taken as they are.
    """
    best = [[0] * (len(target) + 1) for _ in range(len(source) + 1)]
    for i, old in enumerate(source, start=1):
        for j, new in enumerate(target, start=1):
            paired = best[i - 1][j - 1] + (1 if old == new else -1)
            best[i][j] = max(best[i][j - 1], best[i - 1][j], paired)
    mapper, kept = torch.arange(length), torch.ones(length)
    i, j = len(source), len(target)
    while j:
        if not i or best[i][j] == best[i][j - 1]:
            j -= 1
            mapper[j], kept[j] = 0, 0
        elif best[i][j] == best[i - 1][j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            mapper[j] = i
    return mapper, kept


def _marks(parts: Parts, asked: Refinement) -> Tensor:
    """1 at the tokens that LocalBlend reads, (2, tokens)."""
    marks = torch.zeros(2, parts.length)
    for row, (prompt, words) in enumerate(
        zip((asked.source, asked.target), asked.blend_words or ((), ()), strict=True)
    ):
        for word in words:
            marks[row, parts.positions(prompt, word)] = 1
    return marks


def _mask(seen: Tensor, size: Sequence[int], threshold: float) -> Tensor:
    """Where the maps (2, rows, columns) of either prompt exceed a fraction of their maximum, (h, w)."""
    pooled = F.max_pool2d(seen[:, None], 3, stride=1, padding=1)
    full = F.interpolate(pooled, size=tuple(size))
    return (full / full.amax((-2, -1), keepdim=True) > threshold).any(0)[0]
