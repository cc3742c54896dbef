"""Fractions of a run."""

import pytest

from engine.errors import InvalidParameter
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
def test_a_window_is_read_as_users_write_it(value: object, expected: tuple[float, float]) -> None:
    window = Window.parse(value, "tau")

    assert (window.start, window.stop) == expected


@pytest.mark.parametrize(
    "value",
    [
        -0.1,
        1.1,
        float("nan"),
        True,
        "0.5",
        None,
        [0.8, 0.2],
        [0.5],
        [0, 0.5, 1],
        [-1, 0.5],
        [0, 2],
        {},
        [None, 1],
    ],
)
def test_a_window_that_leaves_the_run_or_turns_round_is_refused(value: object) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Window.parse(value, "tau_c.dog")

    assert caught.value.name == "tau_c.dog"
