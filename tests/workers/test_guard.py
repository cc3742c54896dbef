"""A process that hangs is ended, also when it holds the interpreter's lock."""

import subprocess
import sys

import pytest

HANGS = {
    "in Python": "import time; time.sleep(60)",
    "in a kernel that holds the lock": "import ctypes; ctypes.PyDLL(None).sleep(60)",
}


def run(script: str) -> "subprocess.CompletedProcess[str]":
    program = f"from workers.guard import Guard\nguard = Guard(0.3)\nguard.alive()\n{script}"
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
