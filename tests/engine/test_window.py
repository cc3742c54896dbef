"""Fractions of a run."""

import pytest

from engine.window import Window


@pytest.mark.parametrize(
    ("window", "total", "first", "stop"),
    [
        (Window(0, 0.4), 50, 0, 20),
        (Window(0, 1), 7, 0, 7),
        (Window(0.2, 0.8), 30, 6, 24),
        (Window(0, 0.58), 50, 0, 29),
        (Window(0, 0.29), 100, 0, 29),
        (Window(0.5, 0.5), 50, 25, 25),
        (Window(0, 0.99), 1, 0, 0),
    ],
)
def test_a_window_covers_whole_steps_whatever_the_fraction_rounds_to(
    window: Window, total: int, first: int, stop: int
) -> None:
    assert window.steps(total) == range(first, stop)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.4, (0, 0.4)), (1, (0, 1)), ([0.2, 0.8], (0.2, 0.8)), ((0, 1), (0, 1))],
)
def test_a_window_is_read_as_parameters_have_it(
    value: float | list[float], expected: tuple[float, float]
) -> None:
    window = Window.of(value)

    assert (window.start, window.stop) == expected
