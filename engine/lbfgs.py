"""Limited-memory BFGS, for a function of which every evaluation costs much more than the arithmetic here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

_DECREASE = 1e-4
_SHRINK = 0.3
_CURVATURE = 1e-10


class Evaluation(Protocol):
    """The function at one point; the slope is only asked for where it is needed, at most once."""

    @property
    def value(self) -> float: ...

    def slope(self) -> Tensor: ...


class Pair(NamedTuple):
    """A step that was taken, and the change of the gradient along it."""

    step: Tensor
    change: Tensor

    @property
    def rho(self) -> float:
        return 1 / float(self.step @ self.change)


E = TypeVar("E", bound=Evaluation)


def minimise(
    evaluate: Callable[[Tensor], E],
    start: Tensor,
    *,
    enough: float,
    evaluations: int,
    pairs: Sequence[Pair] = (),
    memory: int = 100,
) -> tuple[E, tuple[Pair, ...]]:
    """The best of at most so many evaluations of a function (n,) -> >= 0, and its pairs.

    It ends as soon as the value is below `enough`. Pairs of a function much like this one may be given, and
    save the evaluations that would find its curvature anew. Steps are halved and more until they go down.

    Nocedal and Wright 2006, algorithms 7.4 and 7.5; without pairs the first step is Polyak's, f / |g|^2.
    """
    x, here = start, evaluate(start)
    known, spent = tuple(pairs)[-memory:], 1
    if here.value < enough or spent >= evaluations:
        return here, known
    slope = here.slope()
    way, size = _descent(slope, here.value, known), 1.0
    while spent < evaluations:
        there = evaluate(x + size * way)
        spent += 1
        if there.value > here.value + _DECREASE * size * float(slope @ way):
            size *= _SHRINK
            continue
        x, here = x + size * way, there
        if here.value < enough or spent >= evaluations:
            break
        steep = here.slope()
        pair = Pair(size * way, steep - slope)
        if float(pair.step @ pair.change) > _CURVATURE * float(pair.change @ pair.change):
            known = (*known, pair)[-memory:]
        slope = steep
        way, size = _descent(slope, here.value, known), 1.0
    return here, known


def _descent(slope: Tensor, value: float, pairs: Sequence[Pair]) -> Tensor:
    if pairs:
        way = -_inverse_hessian(slope, pairs)
        if float(way @ slope) < 0:
            return way
    return -slope * (value / max(float(slope @ slope), torch.finfo(slope.dtype).tiny))


def _inverse_hessian(slope: Tensor, pairs: Sequence[Pair]) -> Tensor:
    """H g by the two-loop recursion."""
    q, weights = slope, []
    for pair in reversed(pairs):
        weights.append(pair.rho * float(pair.step @ q))
        q = q - weights[-1] * pair.change
    last = pairs[-1]
    q = q * (float(last.step @ last.change) / float(last.change @ last.change))
    for pair, weight in zip(pairs, reversed(weights), strict=True):
        q = q + (weight - pair.rho * float(pair.change @ q)) * pair.step
    return q
