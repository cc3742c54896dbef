"""The sites of a U-Net of diffusers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from engine.attention import Kind, Site, Stage


def modules_of(unet: Any) -> dict[Site, Any]:
    """The attention layers of a U-Net, and the second convolutions of its resnets, in the order they run."""
    found = list(_walk(unet))
    totals: dict[tuple[Kind, Stage], int] = defaultdict(int)
    for _, _, stage, kind, _ in found:
        totals[kind, stage] += 1
    seen: dict[tuple[Kind, Stage], int] = defaultdict(int)
    modules: dict[Site, Any] = {}
    for name, module, stage, kind, factor in found:
        index, total = seen[kind, stage], totals[kind, stage]
        seen[kind, stage] += 1
        site = Site(
            name=name,
            stage=stage,
            kind=kind,
            factor=factor,
            depth=index / total,
            until=(index + 1) / total,
        )
        modules[site] = module
    return modules


_Found = tuple[str, Any, Stage, Kind, int]


def _walk(unet: Any) -> Iterator[_Found]:
    factor = 1
    for index, block in enumerate(unet.down_blocks):
        yield from _inside(block, f"down_blocks.{index}", "down", factor)
        factor *= 2 if block.downsamplers is not None else 1
    if unet.mid_block is not None:
        yield from _inside(unet.mid_block, "mid_block", "mid", factor)
    for index, block in enumerate(unet.up_blocks):
        yield from _inside(block, f"up_blocks.{index}", "up", factor)
        factor //= 2 if block.upsamplers is not None else 1


def _inside(block: Any, path: str, stage: Stage, factor: int) -> Iterator[_Found]:
    for name, module in block.named_modules(prefix=path):
        parent, _, last = name.rpartition(".")
        if ".transformer_blocks." in name and last in ("attn1", "attn2"):
            yield name, module, stage, "cross" if module.is_cross_attention else "self", factor
        elif parent.endswith(".resnets"):
            yield name, module.conv2, stage, "feature", factor
