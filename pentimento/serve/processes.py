"""Child processes that are started, watched, restarted with back-off and always stopped again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pentimento.serve.errors import ServeError

_CHILD = Path(__file__).with_name("child.py")
_TAIL_LINES = 12
_LOG_LIMIT = 10 * 2**20
_HOPELESS = os.EX_CONFIG  # a program ends with this if to start it again would change nothing


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run: the first word of `argv` is an absolute path; output is appended to `log`."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How often and how fast a program that dies is started again."""

    first_s: float = 0.5
    longest_s: float = 30.0
    attempts: int = 5
    healthy_s: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait before the restart after this many failures in a row (1, 2, ...)."""
        return min(self.longest_s, self.first_s * 2.0 ** (failures - 1))


class Child:
    """One program and the process that currently runs it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.failures = 0
        self.started = 0.0
        self.due: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def pid(self) -> int | None:
        """The process id, None while nothing runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only the supervisor.

        Raises OSError if the machine has no room for one more process, or for its log.
        """
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        fresh = program.log.exists() and program.log.stat().st_size > _LOG_LIMIT
        command = (sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), *program.argv)
        with program.log.open("wb" if fresh else "ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.env},
                start_new_session=True,
            )
        self.started = time.monotonic()
        self.due = None

    def exit_code(self) -> int | None:
        """The exit code of a process that has ended, None while it runs."""
        return self._process.poll() if self._process else None

    def ask_to_stop(self) -> None:
        """Send SIGTERM; a process that has ended already is left alone."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, grace_s: float) -> None:
        """Wait for the end; when the grace is over, kill the process and everything in its session."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def tail(self) -> str:
        """The last lines of the log since the start, for a message to a person."""
        try:
            text = self.program.log.read_bytes()[self._log_from :][-20_000:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])


class Supervisor:
    """Starts programs in order, keeps them running, and stops them in reverse order."""

    def __init__(
        self, stopping: Callable[[], bool], remark: Callable[[str], None], backoff: Backoff | None = None
    ) -> None:
        self.children: list[Child] = []
        self._stopping = stopping
        self._remark = remark
        self._backoff = backoff or Backoff()

    def start(self, program: Program) -> Child:
        """Start a program, as soon as the machine has room for it, and look after it from now on."""
        child = Child(program)
        self.children.append(child)
        while not self._stopping():
            try:
                child.start()
                break
            except OSError as error:
                time.sleep(self._put_off(child, f"cannot be started ({error.strerror or error})"))
        return child

    def wait(
        self, ready: Callable[[], bool], timeout_s: float, what: Callable[[], str], every_s: float = 0.02
    ) -> bool:
        """Wait until `ready`; False when asked to stop. Raises ServeError if a child dies or time is up."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._stopping():
                return False
            for child in self.children:
                if (code := child.exit_code()) is not None:
                    raise ServeError(_ended(child, code, "while starting"))
            if time.monotonic() > deadline:
                raise ServeError(f"not ready after {timeout_s:.0f} s: {what()}")
            time.sleep(every_s)
        return True

    def watch(self) -> None:
        """Keep every program running until asked to stop. Raises ServeError when one keeps dying."""
        while not self._stopping():
            for child in self.children:
                self._tend(child)
            time.sleep(0.1)

    def _tend(self, child: Child) -> None:
        code, now = child.exit_code(), time.monotonic()
        if code is None:
            return
        if child.due is None:
            if code == _HOPELESS:
                raise ServeError(_ended(child, code, "and cannot go on"))
            if now - child.started > self._backoff.healthy_s:
                child.failures = 0
            if child.failures >= self._backoff.attempts:
                times = f"{child.failures + 1} times in a row"
                raise ServeError(_with_log(child, f"the {child.program.name} ended ({_exit(code)}), {times}"))
            child.due = now + self._put_off(child, f"ended ({_exit(code)})")
        elif now >= child.due:
            try:
                child.start()
            except OSError as error:
                child.due = now + self._put_off(child, f"cannot be started ({error.strerror or error})")

    def _put_off(self, child: Child, what: str) -> float:
        """Seconds until the next try, as it is shown."""
        child.failures += 1
        delay = self._backoff.delay(child.failures)
        self._remark(f"the {child.program.name} {what}; starting it again in {delay:g} s")
        return delay

    def stop(self) -> None:
        """Stop everything that was started, last first; returns when nothing of it runs any more."""
        for child in reversed(self.children):
            child.stop(child.program.grace_s)


def _exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _ended(child: Child, code: int, when: str) -> str:
    words = [line for line in child.tail().splitlines() if not line.startswith("{")]
    if code == _HOPELESS and words:  # the program says why, in its last words
        return words[-1]
    return _with_log(child, f"the {child.program.name} ended {when} ({_exit(code)})")


def _with_log(child: Child, reason: str) -> str:
    message, tail = f"{reason}; its log is {child.program.log}", child.tail()
    return f"{message}\n{tail}" if tail else message
