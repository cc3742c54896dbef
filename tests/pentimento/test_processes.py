import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from pentimento.serve.errors import ServeError
from pentimento.serve.processes import Backoff, Child, Program, Supervisor

FAST = Backoff(first_s=0.01, attempts=3, healthy_s=60)


def program(tmp_path: Path, code: str, name: str = "worker", grace_s: float = 5.0) -> Program:
    argv = (sys.executable, "-I", "-S", "-c", code)
    return Program(name=name, argv=argv, log=tmp_path / "logs" / f"{name}.log", grace_s=grace_s)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").exists() else True


SLEEP = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def supervisors() -> Iterator[list[Supervisor]]:
    made: list[Supervisor] = []
    yield made
    for supervisor in made:
        supervisor.stop()


def test_stops_everything_last_first(tmp_path: Path, supervisors: list[Supervisor]) -> None:
    record = tmp_path / "record"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    open({str(record)!r}, 'a').write(sys.argv[1])\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    supervisor = Supervisor(lambda: False, lambda _: None)
    supervisors.append(supervisor)
    for name in "abc":
        made = program(tmp_path, code, name)
        supervisor.start(Program(name=name, argv=(*made.argv, name), log=made.log))
    until(lambda: all("up" in child.tail() for child in supervisor.children))
    supervisor.stop()
    assert record.read_text() == "cba"
    assert all(child.pid is None for child in supervisor.children)


def test_a_program_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])\n"
        "print('up', inner.pid, flush=True)\ntime.sleep(60)"
    )
    child = Child(program(tmp_path, code))
    child.start()
    until(lambda: "up" in child.tail())
    outer, inner = child.pid, int(child.tail().split()[-1])
    assert outer is not None
    child.stop(grace_s=0.1)
    until(lambda: not alive(outer) and not alive(inner))


def test_a_dead_program_is_restarted_and_a_hopeless_one_ends_the_run(
    tmp_path: Path, supervisors: list[Supervisor]
) -> None:
    told: list[str] = []
    supervisor = Supervisor(lambda: False, told.append, FAST)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, "print('no model here', flush=True); raise SystemExit(3)"))
    with pytest.raises(ServeError, match=r"worker ended \(exit code 3\), 4 times in a row") as caught:
        supervisor.watch()
    assert "no model here" in str(caught.value)
    assert len(told) == 3
    assert (tmp_path / "logs" / "worker.log").read_text().count("no model here") == 4


def test_a_killed_program_comes_back(tmp_path: Path, supervisors: list[Supervisor]) -> None:
    told: list[str] = []
    supervisor: Supervisor
    pids: list[int] = []

    def stop_after_the_second_start() -> bool:
        pid = supervisor.children[0].pid
        if pid is not None and pid not in pids:
            pids.append(pid)
            if len(pids) == 1:
                os.kill(pid, signal.SIGKILL)
        return len(pids) == 2

    supervisor = Supervisor(stop_after_the_second_start, told.append, FAST)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, SLEEP))
    supervisor.watch()
    assert told == ["the worker ended (signal SIGKILL); starting it again in 0.01 s"]


def test_a_program_that_cannot_be_started_is_tried_again(
    tmp_path: Path, supervisors: list[Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    refused = [OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))] * 8
    real = subprocess.Popen

    def start(*args: Any, **kwargs: Any) -> Any:
        if refused:
            raise refused.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr("pentimento.serve.processes.subprocess.Popen", start)
    supervisor = Supervisor(lambda: bool(told) and len(told) > 20, told.append, FAST)
    supervisors.append(supervisor)
    child = supervisor.start(program(tmp_path, SLEEP))
    assert child.pid is not None
    assert len(told) == 8
    assert told[0] == (
        "the worker cannot be started (Resource temporarily unavailable); starting it again in 0.01 s"
    )


def test_a_running_program_that_cannot_be_started_again_is_waited_for(
    tmp_path: Path, supervisors: list[Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    supervisor = Supervisor(lambda: len(told) > 2, told.append, FAST)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, "pass"))
    monkeypatch.setattr(Child, "start", Mock(side_effect=OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))))
    supervisor.watch()
    assert [text.partition(";")[0] for text in told] == [
        "the worker ended (exit code 0)",
        *["the worker cannot be started (Cannot allocate memory)"] * 2,
    ]


def test_a_program_that_says_it_cannot_go_on_is_not_started_again(
    tmp_path: Path, supervisors: list[Supervisor]
) -> None:
    code = (
        "import os, sys\nprint('{\"event\": \"loading\"}')\nprint('the model x cannot be loaded: why')\n"
        'print(\'{"event": "worker ended"}\')\nsys.exit(os.EX_CONFIG)'
    )
    supervisor = Supervisor(lambda: False, pytest.fail, FAST)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, code))
    with pytest.raises(ServeError, match=r"^the model x cannot be loaded: why$"):
        supervisor.watch()


def test_delays_double_up_to_a_limit() -> None:
    backoff = Backoff(first_s=0.5, longest_s=3)
    assert [backoff.delay(n) for n in range(1, 6)] == [0.5, 1, 2, 3, 3]


def test_a_death_while_starting_is_told_with_the_log(tmp_path: Path, supervisors: list[Supervisor]) -> None:
    supervisor = Supervisor(lambda: False, lambda _: None)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, "raise SystemExit('cannot load')", "api"))
    with pytest.raises(ServeError, match=r"the api ended while starting \(exit code 1\)(.|\n)*cannot load"):
        supervisor.wait(lambda: False, 10, lambda: "unused")


def test_waiting_too_long_says_for_what(tmp_path: Path, supervisors: list[Supervisor]) -> None:
    supervisor = Supervisor(lambda: False, lambda _: None)
    supervisors.append(supervisor)
    supervisor.start(program(tmp_path, SLEEP))
    with pytest.raises(ServeError, match="no worker has reported yet"):
        supervisor.wait(lambda: False, 0.0, lambda: "no worker has reported yet")


def test_waiting_ends_when_asked_to_stop() -> None:
    assert Supervisor(lambda: True, lambda _: None).wait(lambda: False, 10, lambda: "") is False


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal of Linux")
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from pentimento.serve.processes import Child, Program\n"
        f"child = Child(Program(name='x', argv=(sys.executable, '-I', '-S', '-c', {SLEEP!r}), "
        f"log=Path({str(tmp_path / 'log')!r})))\n"
        "child.start()\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: "up" in (tmp_path / "log").read_text())
        parent.kill()
    until(lambda: not alive(pid))


def test_ctrl_c_in_the_terminal_reaches_only_the_supervisor(tmp_path: Path) -> None:
    child = Child(program(tmp_path, SLEEP))
    child.start()
    try:
        assert child.pid is not None
        assert os.getsid(child.pid) != os.getsid(0)
    finally:
        child.stop(5)


def test_a_log_that_has_grown_too_long_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pentimento.serve.processes._LOG_LIMIT", 100)
    made = program(tmp_path, "print('new')")
    made.log.parent.mkdir()
    made.log.write_text("old\n" * 100)
    child = Child(made)
    child.start()
    until(lambda: child.exit_code() == 0)
    assert made.log.read_text() == "new\n"


def test_the_tail_holds_nothing_of_earlier_runs(tmp_path: Path) -> None:
    made = program(tmp_path, "print('new')")
    made.log.parent.mkdir()
    made.log.write_text("old\n")
    child = Child(made)
    child.start()
    until(lambda: child.exit_code() == 0)
    assert child.tail() == "new"
    assert made.log.read_text() == "old\nnew\n"
