"""Where attention happens in a U-Net."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["self", "cross"]

_LAYERS = ("attn1", "attn2")


@dataclass(frozen=True, kw_only=True)
class Site:
    """One attention layer, by the name of its processor.

    `factor` is how much coarser than the latent its queries are, along each side.
    """

    name: str
    place: Literal["down", "mid", "up"]
    kind: Kind
    factor: int


def coarsened(height: int, width: int, factor: int) -> tuple[int, int]:
    """Rows and columns of query tokens in layers so much coarser than a latent of that height and width."""
    return math.ceil(height / factor), math.ceil(width / factor)


def sites_of(unet: Any) -> tuple[Site, ...]:
    """The self- and cross-attention layers of a U-Net's transformer blocks, in the order they are run."""
    return tuple(_walk(unet))


def _walk(unet: Any) -> Iterator[Site]:
    factor = 1
    for index, block in enumerate(unet.down_blocks):
        yield from _sites(block, f"down_blocks.{index}", "down", factor)
        factor *= 2 if block.downsamplers is not None else 1
    if unet.mid_block is not None:
        yield from _sites(unet.mid_block, "mid_block", "mid", factor)
    for index, block in enumerate(unet.up_blocks):
        yield from _sites(block, f"up_blocks.{index}", "up", factor)
        factor //= 2 if block.upsamplers is not None else 1


def _sites(block: Any, path: str, place: Literal["down", "mid", "up"], factor: int) -> Iterator[Site]:
    for name, module in block.named_modules(prefix=path):
        if ".transformer_blocks." in name and name.rpartition(".")[2] in _LAYERS:
            kind: Kind = "cross" if module.is_cross_attention else "self"
            yield Site(name=f"{name}.processor", place=place, kind=kind, factor=factor)
