"""Pictures of features: principal components of decoder features and of self-attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.attention import Branch, Heads, Kind, Observer, Site, Sites, Step, coarsened


@dataclass(frozen=True, kw_only=True)
class FeaturePicture:
    """Three principal components of a layer's features in one step (counted from 0), as red, green and blue.

    The source and the targets share one basis, so that equal colours are equal features.
    """

    kind: Kind
    layer: str
    step: int
    source: Image.Image | None
    images: tuple[Image.Image, ...]


class _Seen(NamedTuple):
    site: Site
    step: int
    targets: Tensor
    source: Tensor | None


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMaps(Observer):
    """Keeps the conditional branch's features at some sites in some steps, before any edit.

    Of a resnet its features (rows, C, h, w), of self-attention the mean over heads of the maps, of which a
    row is what one place attends to. `size` is the latent's height and width.
    """

    sites: Sequence[Sites]
    steps: frozenset[int]
    size: tuple[int, int]
    seen: dict[tuple[str, int], _Seen] = field(default_factory=dict)

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        return (
            branch.name == "cond" and step.index in self.steps and any(site in sites for sites in self.sites)
        )

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        source = None if heads.source is None else self._grid(site, heads.source)
        self.seen[site.name, step.index] = _Seen(site, step.index, self._grid(site, heads), source)

    def features(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> None:
        self.seen[site.name, step.index] = _Seen(site, step.index, features, source)

    def pictures(self, size: tuple[int, int]) -> list[FeaturePicture]:
        """A picture of this width and height for every site and step, in the order they were seen."""
        found: list[FeaturePicture] = []
        for seen in self.seen.values():
            parts = seen.targets if seen.source is None else torch.cat([seen.source, seen.targets])
            drawn = [image.resize(size, Image.Resampling.NEAREST) for image in components(parts)]
            source = None if seen.source is None else drawn.pop(0)
            found.append(
                FeaturePicture(
                    kind=seen.site.kind,
                    layer=seen.site.name,
                    step=seen.step,
                    source=source,
                    images=tuple(drawn),
                )
            )
        return found

    def _grid(self, site: Site, heads: Heads) -> Tensor:
        maps = heads.probs.mean(1).transpose(1, 2)
        return maps.unflatten(-1, coarsened(*self.size, site.factor))


def components(features: Tensor) -> list[Image.Image]:
    """The three largest principal components of features (images, C, h, w) as pictures, in one basis for all.

    Each component is stretched over all images from 0 to 255, its sign such that its largest weight is
    positive; colours for which there are no components are 0.
    """
    pixels = features.double().movedim(1, -1)
    flat = pixels.flatten(0, 2)
    centred = flat - flat.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    basis = vectors[:, -3:].flip(1)
    largest = basis.abs().argmax(0)
    basis = basis * basis[largest, torch.arange(basis.shape[1], device=basis.device)].sign()
    shown = F.pad(centred @ basis, (0, 3 - basis.shape[1]))
    low, high = shown.amin(0), shown.amax(0)
    levels = ((shown - low) / (high - low).clamp(min=torch.finfo(shown.dtype).tiny) * 255).round()
    grids = levels.to(torch.uint8).unflatten(0, pixels.shape[:3]).cpu()
    return [Image.fromarray(grid.numpy()) for grid in grids]
