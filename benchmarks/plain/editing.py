"""An edit of a prepared picture, from the picture on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.plain.attention import plainly
from benchmarks.plain.mapping import Mapping
from benchmarks.plain.parts import Parts
from benchmarks.plain.preparing import Maps, Prepared, invert, predict
from engine import alignment, codec
from engine.alignment import Tokens
from engine.attention import Site
from engine.noise import move
from engine.window import Window

MapEdit = Callable[[Site, Tensor, int, int], Tensor]
"""The maps to use in a layer at step `index` of `total`."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One edit: prompts, windows as fractions of the run, and the words that a LocalBlend is confined to."""

    source: str
    target: str
    guidance_scale: float
    tau_c: float = 0.4
    tau_s: float = 0.6
    tau_v: float = 0.5
    blend_words: tuple[str, str] | None = None
    blend_threshold: float = 0.3
    blend_start: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Painted:
    """The edit, the source's row beside it, and the autoencoder's picture of the source."""

    target: Image.Image
    source: Image.Image
    autoencoded: Image.Image


@dataclass
class _Blend:
    """Head-mean maps added up over layers and steps; `words` (2, tokens) marks those of either row."""

    words: Tensor
    threshold: float
    total: Tensor | float = field(default=0.0)

    def __call__(self, latents: Tensor, factor: int) -> Tensor:
        assert isinstance(self.total, Tensor)
        height, width = latents.shape[-2:]
        grid = -(-height // factor), -(-width // factor)
        maps = (self.total @ self.words[:, :, None])[..., 0].unflatten(-1, grid)
        pooled = F.max_pool2d(maps[:, None], 3, stride=1, padding=1)[:, 0]
        full = pooled.repeat_interleave(factor, -2).repeat_interleave(factor, -1)[:, :height, :width]
        mask = (full > self.threshold * full.amax((-2, -1), keepdim=True)).any(0)
        return torch.cat([latents[:1], torch.where(mask, latents[1:], latents[:1])])


@torch.no_grad()
def edit(parts: Parts, image: Image.Image, prepared: Prepared, asked: Asked) -> Painted:
    """Invert again, run source and target in both branches, decode all there is."""
    models, steps = parts.models, len(prepared.mappings)
    source, target = (models.tokens(prompt) for prompt in (asked.source, asked.target))
    empty, *both = (parts.embed(prompt) for prompt in ("", asked.source, asked.target))
    text = torch.cat([empty, empty, *both])
    trajectory, _ = invert(parts, image, both[0], steps)
    autoencoded = codec.decode(models, trajectory[:1])[0]
    pixels = parts.pixels(image)
    edited = _map_edit(parts, asked, source, target)
    blend = _blend(asked, source, target)
    latents = trajectory[-1:].expand(2, -1, -1, -1)
    for index, call in enumerate(models.schedule(steps).denoising()):
        mapped = 2 if index in Window(0, asked.tau_v).steps(steps) else 1
        mapping = prepared.mappings[index]
        maps: Maps = {}

        def to_values(context: Tensor, mapping: Mapping = mapping, mapped: int = mapped) -> Tensor:
            rows = list(context)
            for row in range(2, 2 + mapped):
                gamma, beta = mapping(parts.features(pixels))
                rows[row] = context[row] * gamma[0] + beta[0]
            return torch.stack(rows)

        def on_map(site: Site, probs: Tensor, maps: Maps = maps, index: int = index) -> Tensor:
            if site.name in parts.looked_at:
                maps[site.name] = probs[2:].mean(1)
            return edited(site, probs, index, steps)

        with plainly(parts.unet, on_map=on_map, to_values=to_values):
            uncond, cond = predict(parts, latents.repeat(2, 1, 1, 1), call, text).chunk(2)
        guided = uncond + asked.guidance_scale * (cond - uncond)
        latents = move(latents, guided, call.at, call.to)
        if blend:
            blend.total = sum(maps.values(), blend.total)
            if index in Window(asked.blend_start, 1.0).steps(steps):
                latents = blend(latents, models.spec.blend_factor)
    painted_source, painted_target = codec.decode(models, latents)
    return Painted(target=painted_target, source=painted_source, autoencoded=autoencoded)


def _map_edit(parts: Parts, asked: Asked, source: Tokens, target: Tokens) -> MapEdit:
    """Prompt-to-Prompt on the maps of rows (uncond source, uncond target, source, target)."""
    align = alignment.replace if alignment.is_word_swap(source, target) else alignment.refine
    aligned = align(source, target)

    def edited(site: Site, probs: Tensor, index: int, total: int) -> Tensor:
        # The authors measure cross-attention windows by noise levels, of which there is one more than steps.
        if site.kind == "cross" and index in Window(0, asked.tau_c).steps(total + 1):
            kept = 1 - aligned.inherited
            taken = (probs[2] @ aligned.projection) * aligned.inherited + probs[3] * kept
        elif parts.replaced(site) and index in Window(0, asked.tau_s).steps(total):
            taken = probs[2]
        else:
            return probs
        return torch.cat([probs[:3], taken[None]])

    return edited


def _blend(asked: Asked, source: Tokens, target: Tokens) -> _Blend | None:
    if asked.blend_words is None:
        return None
    words = torch.zeros(2, len(source.ids))
    for row, (tokens, word) in enumerate(zip((source, target), asked.blend_words, strict=True)):
        words[row, list(tokens.positions(word))] = 1
    return _Blend(words=words, threshold=asked.blend_threshold)
