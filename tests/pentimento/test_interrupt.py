"""Ctrl-C at a real terminal, while a real process waits for a job."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api_schemas import JobStatus
from store import Store

_IN_A_TERMINAL = """import os, pty, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # which is ignored where the tests run in the background
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"""


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_A_TERMINAL, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm"},
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.keys, self.screen = self.process.stdin, self.process.stdout

    def until(self, text: str) -> None:
        deadline = time.monotonic() + 20
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.screen], [], [], 0.1)[0]:
                self.said += os.read(self.screen.fileno(), 4096).decode()

    def type(self, keys: str) -> None:
        self.keys.write(keys.encode())


@contextmanager
def inverting(url: str, cat: Path) -> Iterator[Terminal]:
    command = ("-m", "pentimento", "invert", str(cat), "--prompt", "a cat", "--url", url)
    terminal = Terminal(sys.executable, *command)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.communicate()


@pytest.mark.parametrize(
    ("answer", "said", "status"),
    [
        ("y\n", "canceled", JobStatus.CANCELED),
        ("n\n", "pentimento cancel job_", JobStatus.QUEUED),
        ("\x03", "pentimento cancel job_", JobStatus.QUEUED),
    ],
)
def test_ctrl_c_asks_once_whether_to_cancel(
    live: str, shared: Store, cat: Path, answer: str, said: str, status: JobStatus
) -> None:
    with inverting(live, cat) as terminal:
        terminal.until("waiting in the queue")
        terminal.type("\x03")
        terminal.until("cancel the job?")
        terminal.type(answer)
        terminal.until(said)
        assert terminal.process.wait(20) == 130
    [job], _ = shared.jobs.page("default", limit=10)
    assert job.status is status
    assert "Traceback" not in terminal.said
