"""An attention layer whose projections are the identity, and rows that enter it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from engine.attention import Branch, Heads, Kind, Site, Stage
from engine.conditioning import Conditioning

HEADS, WIDTH = 2, 4


def branch(name: str, *rows: int, **more: Any) -> Branch:
    """A branch of these rows, whose text is not looked at."""
    text = Conditioning(keys=(name,) * len(rows), context=torch.zeros(len(rows), 1, 1))
    return Branch(**{"name": name, "rows": rows, "conditioning": text, **more})


def site(kind: Kind, *, name: str = "", stage: Stage = "up", factor: int = 2, depth: float = 0.0) -> Site:
    """A site, the last of its kind and stage."""
    return Site(name=name or kind, stage=stage, kind=kind, factor=factor, depth=depth, until=1.0)


def unchanged(entering: Tensor) -> Tensor:
    return entering


def refused(entering: Tensor) -> Tensor:
    raise AssertionError("this projection is not needed")


def heads(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    source: Heads | None = None,
    to_q: Callable[[Tensor], Tensor] = unchanged,
    to_k: Callable[[Tensor], Tensor] = unchanged,
) -> Heads:
    """What enters is what is projected, (rows, tokens, heads * width)."""
    attn = SimpleNamespace(heads=HEADS, to_q=to_q, to_k=to_k, to_v=unchanged)
    return Heads(attn=attn, hidden=query, context=key, values=value, source=source)


def random_heads(
    rows: int,
    queries: int,
    keys: int,
    *,
    seed: int = 0,
    source: Heads | None = None,
    **projections: Callable[[Tensor], Tensor],
) -> Heads:
    """Heads of random rows in float64."""
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(rows, count, HEADS * WIDTH, generator=generator, dtype=torch.float64)
        for count in (queries, keys, keys)
    )
    return heads(query, key, value, source=source, **projections)


def softmax_map(given: Heads) -> Tensor:
    """The attention map (rows, heads, queries, keys), written out."""
    return (given.query @ given.key.transpose(-1, -2) / WIDTH**0.5).softmax(-1)
