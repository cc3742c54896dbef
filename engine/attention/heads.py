"""The queries, keys, values and weights of an attention layer, before the attention is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Fold = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One term of attention: softmax(Q K) fold(V), for values V (rows, heads, keys, width).

    `query` (rows, heads, queries, width) and `key` (rows, heads, keys, width) may be of one row for all.
    `fold` is linear and acts on the keys' axis, so that an edit of the map never needs the map: (A M) V is
    A (M V). None is the identity.
    """

    query: Tensor
    key: Tensor
    fold: Fold | None = None

    def folded(self, fold: Fold) -> Term:
        """The same term of values that are folded first."""
        before = self.fold
        return replace(self, fold=fold if before is None else lambda value: before(fold(value)))

    def at(self, value: Tensor) -> Tensor:
        """The attended values, (rows, heads, queries, width), by fused attention."""
        rows = (len(value), -1, -1, -1)
        folded = value if self.fold is None else self.fold(value)
        return F.scaled_dot_product_attention(self.query.expand(rows), self.key.expand(rows), folded)

    def probs(self) -> Tensor:
        """The weights of the values, (rows, heads, queries, keys), in float32 at least."""
        dtype = torch.promote_types(self.query.dtype, torch.float32)
        scores = self.query.to(dtype) @ self.key.to(dtype).transpose(-1, -2)
        probs = (scores * self.query.shape[-1] ** -0.5).softmax(-1)
        if self.fold is None:
            return probs
        return probs @ self.fold(torch.eye(self.key.shape[-2], dtype=dtype, device=probs.device)[None, None])


@dataclass(frozen=True, kw_only=True, eq=False)
class Heads:
    """The rows of one branch inside one layer, before the output projection.

    `hidden` (rows, queries, width) enters the query projection of the layer `attn`, `context` the key's and
    `values` the value's (rows, keys, width); what is not asked for is not projected. `source` is the source
    in the same layer and branch, of one row, if it is at hand. `edited`, once a control has set them, are the
    terms that add up to the attention in place of softmax(QK).
    """

    attn: Any
    hidden: Tensor
    context: Tensor
    values: Tensor
    source: Heads | None = None
    edited: tuple[Term, ...] | None = None

    @cached_property
    def query(self) -> Tensor:
        """(rows, heads, queries, width)"""
        return self._split(self.attn.to_q(self.hidden))

    @cached_property
    def key(self) -> Tensor:
        """(rows, heads, keys, width)"""
        return self._split(self.attn.to_k(self.context))

    @cached_property
    def value(self) -> Tensor:
        """(rows, heads, keys, width)"""
        return self._split(self.attn.to_v(self.values))

    @property
    def projected(self) -> bool:
        """Whether a projection was computed already."""
        return not {"query", "key", "value"}.isdisjoint(vars(self))

    @property
    def terms(self) -> tuple[Term, ...]:
        """What adds up to the attention."""
        return (Term(query=self.query, key=self.key),) if self.edited is None else self.edited

    @cached_property
    def probs(self) -> Tensor:
        """Attention weights in float32 at least, (rows, heads, queries, keys); computed when asked for."""
        probs = reduce(torch.add, [term.probs() for term in self.terms])
        return probs.expand(len(self.values), -1, -1, -1)

    def output(self) -> Tensor:
        """The attended values, (rows, heads, queries, width)."""
        return reduce(torch.add, [term.at(self.value) for term in self.terms])

    def _split(self, projected: Tensor) -> Tensor:
        return projected.unflatten(-1, (self.attn.heads, -1)).transpose(1, 2)
