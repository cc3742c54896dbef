"""A process that hangs is ended, also when it holds the interpreter's lock."""

import subprocess
import sys

import pytest

from engine import Progress
from workers.eta import Pace, Phase
from workers.watchdog import Guard

HANGS = {
    "in Python": "import time; time.sleep(60)",
    "in a kernel that holds the lock": "import ctypes; ctypes.PyDLL(None).sleep(60)",
}


def run(script: str) -> "subprocess.CompletedProcess[str]":
    program = f"from workers.watchdog import Guard\nguard = Guard(0.3)\nguard.alive()\n{script}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_ends_the_process_and_says_where(hang: str) -> None:
    ended = run(HANGS[hang])
    assert ended.returncode == 1
    assert 'File "<string>", line 4' in ended.stderr


def test_signs_of_life_and_rest_keep_it_alive() -> None:
    ended = run(
        "import time\nfor _ in range(10): time.sleep(.1); guard.alive()\nguard.rest(); time.sleep(.6)"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("rows", "row_s", "time_s"), [(0, 0, 300), (4, 0.1, 300), (18, 0, 1350), (18, 20, 3600), (2, 100, 2000)]
)
def test_a_step_has_time_for_its_rows_and_for_the_pace_of_the_device(
    rows: float, row_s: float, time_s: float
) -> None:
    assert Guard(300).time_for(rows, row_s) == time_s


def test_a_large_step_that_is_healthy_but_slow_is_let_be() -> None:
    ended = run(
        "import time; guard.alive(18); time.sleep(1); guard.alive(2, .1); time.sleep(1); guard.rest()"
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_reporter_says_how_large_the_steps_to_come_are() -> None:
    pace = Pace({"invert": 0.5})
    assert (pace.rows_ahead, pace.slowest_row_s) == (0, 0.5)
    pace.expect(
        Phase(name="encode", steps=1), Phase(name="edit", steps=3, rows=18), Phase(name="save", steps=1)
    )
    assert pace.rows_ahead == 18
    for step in range(3):
        pace.hear(Progress("edit", step, 3), 40.0 * step)
    assert pace.slowest_row_s == pytest.approx(40 / 18)
    pace.hear(Progress("save", 0, 1), 130.0)
    assert pace.rows_ahead == 1
