"""What is done to a running service; each fault passes, and nothing that was accepted may be lost by it."""

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.chaos import hostile
from benchmarks.chaos.fleet import LEASE_S, Fleet

Fault = Callable[[Fleet, Random], None]

_WORKER_FILES = 2000  # bytes that a file may have while the disk counts as full


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


FAULTS: dict[str, Fault] = {
    "a killed worker": kill_worker,
    "a worker that sleeps past its lease": stop_worker,
    "a worker that is asked to end": end_worker,
    "a killed API": kill_api,
    "a killed keeper": kill_keeper,
    "a killed store": kill_store,
    "half a command in the append-only file": half_a_command,
    "a store that hangs": hang_store,
    "a full disk": full_disk,
    "a flipped bit in an inversion": flip_bits,
    "a lost inversion": lose_files,
    "a second worker that comes and is killed": second_worker,
    "300 half-sent requests": hostile.half_sent_requests,
    "50 requests with endless headers": hostile.endless_headers,
    "20 bodies of 27 MB": hostile.large_bodies,
    "files that are none": hostile.hostile_files,
    "600 streams of events": hostile.many_streams,
}
SKIPPED = {
    "a skewed clock": "all processes here have one clock; tests/store/test_presence.py fakes another",
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
