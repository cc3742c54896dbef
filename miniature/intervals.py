"""The mean of some values, and how sure it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Interval(NamedTuple):
    """A mean between the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrapped(values: ArrayLike, resamples: int = 4000) -> Interval:
    """The mean of at least one value and its 95 % interval, by percentile bootstrap of a fixed seed."""
    given = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(0).integers(0, len(given), (resamples, len(given)))
    low, high = np.quantile(given[drawn].mean(1), (0.025, 0.975))
    return Interval(mean=float(given.mean()), low=float(low), high=float(high))
