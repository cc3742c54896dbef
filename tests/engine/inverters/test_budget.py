"""What steps may take, and how much is likely still to come."""

from __future__ import annotations

import pytest
import torch

from engine.inverters.budget import Budget
from engine.progress import Progress

LATENT = torch.zeros(1, 4, 2, 2)


def walked(steps: list[int], takes: list[int]) -> list[Progress]:
    budget, heard = Budget(steps=steps), []
    for most in takes:
        assert budget.begin() >= most
        heard += [budget.take(LATENT) for _ in range(most)]
    return heard


def test_what_a_step_leaves_over_the_next_may_use_and_every_step_has_one() -> None:
    budget = Budget(steps=[3, 3, 2])
    assert budget.begin() == 3
    budget.take(LATENT)
    assert budget.begin() == 5
    for _ in range(7):
        budget.take(LATENT)
    assert budget.begin() == 1


def test_a_run_that_takes_all_it_may_is_known_to_the_row() -> None:
    steps = [5, 5, 4, 4, 4, 3, 3]
    heard = walked(steps, steps)
    rows = [one.rows for one in heard if one.rows]
    assert [one.step for one in heard] == list(range(1, 29))
    assert {one.total for one in heard} == {28}
    wholes = {done + ahead for done, ahead in rows}
    assert wholes == {3 * 28 + 7}
    assert rows[-1].ahead == 0


@pytest.mark.parametrize("often", [1, 3])
def test_steps_that_end_early_are_expected_to_go_on_so(often: int) -> None:
    heard = walked([12] * 50, [often] * 50)
    half = heard[len(heard) // 2].rows
    assert half is not None
    truth = 25 * (3 * often + 1)
    assert abs(half.ahead - truth - 3 * 30) <= 0.1 * truth + 4
    assert heard[-1].rows is not None
    assert heard[-1].rows.ahead == 0
