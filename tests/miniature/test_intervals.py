"""A mean's interval covers the truth as often as it says, and comes out alike on every call."""

import numpy as np

from miniature.intervals import bootstrapped


def test_the_interval_is_that_of_the_mean_and_narrows_with_the_square_root() -> None:
    values = np.random.default_rng(3).normal(5, 2, 1600)
    few, many = bootstrapped(values[:100]), bootstrapped(values)
    assert few == bootstrapped(values[:100])
    assert few.mean == values[:100].mean()
    expected = 2 * 1.96 * values[:100].std() / 10
    assert abs((few.high - few.low) / expected - 1) < 0.1
    assert abs((few.high - few.low) / (many.high - many.low) / 4 - 1) < 0.15


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(4)
    found = [bootstrapped(rng.exponential(1, 80), 500) for _ in range(400)]
    assert 0.90 < np.mean([each.low <= 1 <= each.high for each in found]) < 0.97
