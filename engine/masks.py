"""Masks of edits: the edit inside, the source everywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine import codec
from engine.alignment import Tokens
from engine.attention import Maps, Step
from engine.blend import LocalBlend
from engine.errors import EmptyMask
from engine.plan import Setting
from engine.window import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask:
    """The sources of an edit's mask, and how it is applied.

    `words` open places of the latent, so do differing predictions if `diffedit`; `given` (H, W) opens pixels
    of the working picture. The mask is open where all of them are, or where any is, as `combine` says. It is
    applied to the latents during `window`, and `within` "picture" to the pictures too, the change fading out
    over `feather` pixels inside of its edge.
    """

    words: LocalBlend | None = None
    given: Tensor | None = None
    diffedit: bool = False
    combine: Literal["and", "or"] = "and"
    window: Window
    within: Literal["latent", "picture"] = "picture"
    feather: float = 0.0

    @classmethod
    def of(cls, setting: Setting[Any], read: Sequence[Tokens]) -> Mask | None:
        """The mask that an edit asks for, None if it asks for none; `read` are the prompts of its rows.

        Raises:
            EmptyMask: the picture that was given opens nothing.
            InvalidImage, InvalidParameter: it is no picture, or does not have the source's proportions.
        """
        params, model, sent = setting.params, setting.model, setting.edit.mask
        words, given = LocalBlend.of(setting, read), None
        if sent is not None:
            height, width = (side * model.vae_factor for side in setting.record.size)
            given = codec.fit_mask(model, sent, (width, height))
        if words is None and given is None and not params.diffedit_mask:
            return None
        return cls(
            words=words,
            given=given,
            diffedit=params.diffedit_mask,
            combine=params.combine_masks,
            window=Window(params.blend_start, 1.0),
            within=params.blend_in,
            feather=params.feather,
        )


class Masking:
    """One run of a `Mask`: the latents after each step by the maps seen so far, and the pictures at the end.

    `predicted` (targets, h, w) is DiffEdit's mask, where that is one of the sources.

    Raises:
        EmptyMask: it and the mask that was given have no place in common.
    """

    def __init__(self, mask: Mask, maps: Maps, predicted: Tensor | None = None) -> None:
        self.mask, self._maps, self._predicted = mask, maps, predicted
        self._places: Tensor | None = None
        """The mask of words and predictions in latents, (targets, h, w); None before there is one."""
        self._check_common()

    def after(self, step: Step, latents: Tensor, predictions: Mapping[str, Tensor]) -> Tensor:
        """z = z_source + mask (z - z_source), for the targets' latents (targets, C, h, w)."""
        mask, (height, width) = self.mask, latents.shape[-2:]
        if step not in mask.window or (mask.words is not None and self._maps.total is None):
            return latents
        opened = [] if self._predicted is None else [self._predicted]
        if mask.words is not None and self._maps.total is not None:
            opened.append(mask.words.mask(self._maps.total, height, width))
        self._places = self._combined(opened) if opened else None
        if mask.given is not None:
            opened.append(_shrunk(mask.given, height).to(latents.device)[None])
        if step.source is None:
            return latents
        return torch.where(self._combined(opened)[:, None], latents, step.source.latent)

    def composed(self, images: Sequence[Image.Image], source: Image.Image) -> list[Image.Image]:
        """The pictures where the mask is open and the source's everywhere else, to the pixel.

        A decoder spreads every latent over its neighbours, and so a change over places that are closed. The
        seam is half a latent wide, on the open side.
        """
        opened = self._opened(len(images), source.size)
        if opened is None or self.mask.within == "latent":
            return list(images)
        shown = opened.float()
        if self._places is not None:
            seams = [
                _seam(plane.resize(source.size, Image.Resampling.BILINEAR)) for plane in _planes(self._places)
            ]
            shown = torch.stack([torch.from_numpy(np.array(seam)) for seam in seams]) / 255
            if self.mask.given is not None and self.mask.combine == "or":
                shown = torch.maximum(shown, self.mask.given.float())
            shown = shown * opened
        if self.mask.feather:
            shown = torch.minimum(shown, faded(opened, self.mask.feather))
        return [
            Image.composite(image, source, weights)
            for image, weights in zip(images, _planes(shown), strict=True)
        ]

    def pictures(self, count: int, size: tuple[int, int]) -> list[Image.Image | None]:
        """The masks of so many targets as pictures of (width, height) `size`, white where they are open."""
        opened = self._opened(count, size)
        return [None] * count if opened is None else list(_planes(opened))

    def _opened(self, count: int, size: tuple[int, int]) -> Tensor | None:
        """The masks (targets, H, W) of so many targets in pixels; None if no step was masked."""
        parts = [] if self.mask.given is None else [self.mask.given[None].expand(count, -1, -1)]
        if self._places is not None:
            factor = size[1] // self._places.shape[-2]
            parts.append(self._places.cpu().repeat_interleave(factor, -2).repeat_interleave(factor, -1))
        return self._combined(parts) if parts else None

    def _combined(self, parts: Sequence[Tensor]) -> Tensor:
        return reduce(torch.logical_or if self.mask.combine == "or" else torch.logical_and, parts)

    def _check_common(self) -> None:
        given, predicted = self.mask.given, self._predicted
        if given is None or predicted is None or self.mask.combine == "or":
            return
        common = predicted & _shrunk(given, predicted.shape[-2]).to(predicted.device)
        if not common.flatten(1).any(1).all():
            raise EmptyMask(
                "the mask that was sent and DiffEdit's have no place in common; open more of it, or combine "
                "them by 'or'"
            )


def faded(opened: Tensor, width: float) -> Tensor:
    """The weights of a soft edge for masks (n, H, W): 0 where they are closed, 1 from `width` pixels inside.

    In between it grows evenly with the distance from the nearest closed pixel; the border of the picture is
    no edge. The distance is octagonal, steps along rows and columns alternating with steps in any direction.
    """
    closed = (~opened).float()[:, None]
    inside = 1 - closed
    depth = inside
    for step in range(ceil(width)):
        if step % 2:
            closed = F.max_pool2d(closed, 3, stride=1, padding=1)
        else:
            down, across = (
                F.max_pool2d(closed, kernel, stride=1, padding=(kernel[0] // 2, kernel[1] // 2))
                for kernel in ((3, 1), (1, 3))
            )
            closed = torch.maximum(down, across)
        depth = depth + (1 - closed)
    return (depth / (width + 1)).clamp(max=1)[:, 0]


def _shrunk(pixels: Tensor, height: int) -> Tensor:
    """A mask (H, W) of pixels as one (h, w) of latents of this height, open where any of their pixels is."""
    factor = pixels.shape[0] // height
    return F.max_pool2d(pixels.float()[None, None], factor)[0, 0] > 0


def _seam(plane: Image.Image) -> Image.Image:
    return plane.point(lambda opened: max(0, 2 * opened - 255))


def _planes(masks: Tensor) -> list[Image.Image]:
    return [Image.fromarray(plane) for plane in (masks * 255).round().to(torch.uint8).cpu().numpy()]
