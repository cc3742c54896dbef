"""What the algorithms would cost on SD-1.5."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.counting import Counts
from benchmarks.stylediffusion.sd15 import Costs
from benchmarks.stylediffusion.work import (
    default_preparation,
    edit,
    job_table,
    plain_edit,
    plain_preparation,
    works,
)

PRICES = cast(
    Costs,
    SimpleNamespace(
        forward=1.0,
        backward_all=1.997,
        backward_values=1.07,
        look=0.0437,
        look_backward=0.0872,
        map=0.0,
        map_backward=0.0,
        encode=1.39,
        decode=3.13,
        cross_layers=16,
        edit_step=lambda **kind: 2.0 + 0.01 * sum(kind.values()),
    ),
)
COUNTED = Counts(unet_forward=300, unet_backward=150, vision=1, vae_encode=1)


def test_the_plain_algorithm_costs_what_the_published_code_was_counted_to() -> None:
    assert plain_preparation(PRICES, 30) == pytest.approx(5317, rel=0.01)
    assert plain_edit(PRICES, 30) == pytest.approx(194, rel=0.02)


def test_a_cached_edit_costs_its_rows_and_a_picture() -> None:
    # 18 steps take the source's self-attention, 12 its cross-attention.
    assert edit(PRICES, 30, blended=False) == pytest.approx(60 + 0.01 * (18 + 12) + 3.13)


def test_what_was_counted_is_priced_to_the_values_alone() -> None:
    assert default_preparation(PRICES, COUNTED) == pytest.approx(300 + 150 * 1.07 + 0.0437 + 1.39)


def test_every_job_has_its_line() -> None:
    jobs = works(PRICES, COUNTED)
    assert job_table(jobs).row_count == len(jobs)
    assert [job.published for job in jobs if job.published] == [5317, 194, 63]


@pytest.mark.slow
def test_on_the_architecture_itself() -> None:
    costs = Costs()
    assert costs.forward == pytest.approx(1, rel=1e-3)
    assert costs.cross_layers == 16
    assert costs.backward_values < 0.6 * costs.backward_all
    assert plain_preparation(costs, 30) == pytest.approx(5317, rel=0.02)
    assert plain_edit(costs, 30) == pytest.approx(194, rel=0.03)
    assert edit(costs, 30, blended=True) == pytest.approx(63, rel=0.03)
