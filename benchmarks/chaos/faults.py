"""What is done to a running service; each fault passes, and nothing that was accepted may be lost by it."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.chaos import hostile, users
from benchmarks.chaos.fleet import LEASE_S, Fleet

Fault = Callable[[Fleet, Random], None]

_WORKER_FILES = 2000  # bytes that a file may have while the disk counts as full
_AHEAD = """
import runpy, sys, time
now, now_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: now() + 70, lambda: now_ns() + 70 * 10**9
sys.argv[0] = "service"
runpy.run_module("service", run_name="__main__", alter_sys=True)
"""


def kill_worker(fleet: Fleet, _: Random) -> None:
    """SIGKILL of the worker in the middle of a job."""
    fleet.members["worker"].signal(signal.SIGKILL)


def stop_worker(fleet: Fleet, _: Random) -> None:
    """A worker that sleeps for longer than its lease, and goes on with a job that is no longer its own."""
    _pause(fleet, "worker", 2 * LEASE_S)


def end_worker(fleet: Fleet, _: Random) -> None:
    """SIGTERM of the worker: it ends its job or hands it back."""
    os.kill(fleet.members["worker"].pid, signal.SIGTERM)


def kill_api(fleet: Fleet, random: Random) -> None:
    """SIGKILL of one API while clients wait for its answers."""
    fleet.members[random.choice(("api-1", "api-2"))].signal(signal.SIGKILL)


def end_api(fleet: Fleet, random: Random) -> None:
    """SIGTERM of one API under load: it answers what it has taken, and ends."""
    os.kill(fleet.members[random.choice(("api-1", "api-2"))].pid, signal.SIGTERM)


def skewed_clock(fleet: Fleet, _: Random) -> None:
    """An API whose clock is 70 s ahead, for 10 s."""
    member = fleet.members["api-1"]
    usual, ahead = member.argv, (sys.executable, "-P", "-c", _AHEAD, *member.argv[-2:])
    fleet.down("api-1", lambda: setattr(member, "argv", ahead))
    time.sleep(10)
    fleet.down("api-1", lambda: setattr(member, "argv", usual))


def kill_keeper(fleet: Fleet, _: Random) -> None:
    """SIGKILL of the keeper."""
    fleet.members["keeper"].signal(signal.SIGKILL)


def kill_store(fleet: Fleet, _: Random) -> None:
    """SIGKILL of the store, and a new start from its append-only file."""
    fleet.down("store", lambda: None)


def half_a_command(fleet: Fleet, _: Random) -> None:
    """SIGKILL of the store while it writes: its append-only file ends in half a command."""

    def cut() -> None:
        log = max(
            (fleet.store.data / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime
        )
        with log.open("ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nha")

    fleet.down("store", cut)


def hang_store(fleet: Fleet, _: Random) -> None:
    """A store that takes commands and does not answer for 6 s."""
    _pause(fleet, "store", 6.0)


def full_disk(fleet: Fleet, _: Random) -> None:
    """A worker that can write no file of more than 2 KB for 3 s."""
    pids = _children(fleet.members["worker"].pid)
    for pid in pids:
        _limit(pid, _WORKER_FILES)
    time.sleep(3)
    for pid in pids:
        _limit(pid, resource.RLIM_INFINITY)


def flip_bits(fleet: Fleet, random: Random) -> None:
    """A flipped bit in a stored inversion, and a worker that has to read it."""
    records = sorted(fleet.files.glob("images/*/records/*/record.*"))
    if records:
        path = random.choice(records)
        data = bytearray(path.read_bytes())
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        path.write_bytes(data)
    kill_worker(fleet, random)


def lose_files(fleet: Fleet, random: Random) -> None:
    """A stored inversion that is gone, and a worker that has to read it."""
    records = sorted(fleet.files.glob("images/*/records/*/record.safetensors"))
    if records:
        random.choice(records).unlink(missing_ok=True)
    kill_worker(fleet, random)


def second_worker(fleet: Fleet, _: Random) -> None:
    """A second worker that works the same queue for a while, and is killed."""
    member = fleet.copy("worker")
    member.start()
    time.sleep(10)
    member.signal(signal.SIGKILL)


def worker_without_model(fleet: Fleet, _: Random) -> None:
    """A worker whose model cannot be loaded, beside a good one: it ends, and the service stays ready."""
    member = fleet.copy("worker", PENTIMENTO_MODEL=str(fleet.folder / "no-model"))
    member.start()
    assert member.process is not None
    try:
        if member.process.wait(90) == 0:
            raise RuntimeError("a worker without a model ended as if nothing were wrong")
    except subprocess.TimeoutExpired:
        raise RuntimeError("a worker without a model did not end") from None
    finally:
        member.signal(signal.SIGKILL)
    if not fleet.ready():
        raise RuntimeError("a worker without a model made the service not ready beside a good one")


FAULTS: dict[str, Fault] = {
    "a killed worker": kill_worker,
    "a worker that sleeps past its lease": stop_worker,
    "a worker that is asked to end": end_worker,
    "a killed API": kill_api,
    "an API that is asked to end": end_api,
    "an API whose clock is 70 s ahead": skewed_clock,
    "a killed keeper": kill_keeper,
    "a killed store": kill_store,
    "half a command in the append-only file": half_a_command,
    "a store that hangs": hang_store,
    "a full disk": full_disk,
    "a flipped bit in an inversion": flip_bits,
    "a lost inversion": lose_files,
    "a second worker that comes and is killed": second_worker,
    "a step that never returns": users.hung_step,
    "a worker without a model": worker_without_model,
    "two workers on one new image": users.two_workers,
    "an image deleted during its edit": users.delete_during_edit,
    "10 answers that are lost": users.lost_answers,
    "a flood past the queue's limit": users.flood,
    "a webhook's receiver that hangs": users.hanging_receiver,
    "8 readers of a big picture": users.many_readers,
    "300 half-sent requests": hostile.half_sent_requests,
    "50 requests with endless headers": hostile.endless_headers,
    "20 bodies of 27 MB": hostile.large_bodies,
    "files that are none": hostile.hostile_files,
    "600 streams of events": hostile.many_streams,
}
SKIPPED = {
    "a revoked key during a stream": "the fleet has no keys, which every client would need; "
    "tests/service/test_events.py revokes one",
    "a device out of memory": "there is no GPU to fill; tests/workers/test_failures.py raises the error",
}


def _pause(fleet: Fleet, name: str, seconds: float) -> None:
    fleet.members[name].signal(signal.SIGSTOP)
    time.sleep(seconds)
    fleet.members[name].signal(signal.SIGCONT)


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _limit(pid: int, size: int) -> None:
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    except ProcessLookupError:
        return
