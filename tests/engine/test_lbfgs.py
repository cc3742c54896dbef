"""L-BFGS: fast where it should be, frugal, and never worse than where it began."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.lbfgs import minimise


@dataclass
class Valley:
    """sum c (x - 1)^2 with very different c, and every look at it."""

    values: list[float] = field(default_factory=list)
    slopes: int = 0

    def __call__(self, x: Tensor) -> Evaluation:
        steep = torch.logspace(0, 3, len(x), dtype=x.dtype)
        self.values.append(float((steep * (x - 1) ** 2).sum()))
        return Evaluation(self, x, self.values[-1], 2 * steep * (x - 1))


@dataclass
class Evaluation:
    valley: Valley
    x: Tensor
    value: float
    gradient: Tensor

    def slope(self) -> Tensor:
        self.valley.slopes += 1
        return self.gradient


START = torch.zeros(6, dtype=torch.float64)


def test_it_finds_the_bottom_of_a_narrow_valley() -> None:
    best, _ = minimise(valley := Valley(), START, enough=1e-8, evaluations=60)

    assert best.value < 1e-8
    assert len(valley.values) < 60
    torch.testing.assert_close(best.x, torch.ones_like(START), atol=1e-3, rtol=0)


def test_it_gives_the_best_of_what_it_saw() -> None:
    for evaluations in range(1, 12):
        best, _ = minimise(valley := Valley(), START, enough=0, evaluations=evaluations)

        assert len(valley.values) == evaluations
        assert best.value == min(valley.values)


def test_what_is_good_enough_is_not_differentiated() -> None:
    best, pairs = minimise(valley := Valley(), START, enough=1e9, evaluations=5)

    assert (len(valley.values), valley.slopes, pairs) == (1, 0, ())
    assert torch.equal(best.x, START)


def test_the_last_look_is_not_differentiated() -> None:
    minimise(valley := Valley(), START, enough=0, evaluations=4)

    assert valley.slopes <= 3


def test_curvature_found_before_saves_looks() -> None:
    _, pairs = minimise(Valley(), START, enough=1e-8, evaluations=60)

    minimise(fresh := Valley(), START - 2, enough=1e-4, evaluations=60)
    minimise(told := Valley(), START - 2, enough=1e-4, evaluations=60, pairs=pairs)

    assert len(told.values) < len(fresh.values)
