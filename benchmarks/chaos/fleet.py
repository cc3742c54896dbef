"""Store, APIs, worker and keeper as processes that are started again whenever they die."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from pentimento.serve.embedded import EmbeddedStore, find_server

LEASE_S = 4.0
_ATTEMPTS = 30
_PAUSE_S = 0.2
_MAX_QUEUED = 150  # so that a flood reaches it soon


@dataclass
class Member:
    """A program and the process that runs it now."""

    name: str
    argv: Sequence[str]
    log: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    starts: int = 0

    def start(self) -> None:
        """Run the program; what it prints is appended to its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.argv), stdout=log, stderr=log, env=self.env, start_new_session=True
            )
        self.starts += 1

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and to what it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def end(self) -> None:
        """Ask the program to end, and kill it if it does not within a minute."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            if self.process is not None:
                self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid


class Fleet:
    """Two APIs, a worker, a keeper and their store, in a folder; while entered, what dies is started anew.

    `promised` are the jobs of faults themselves, which answers have named beside those of the clients.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = EmbeddedStore(folder, find_server())
        self.files = folder / "store"
        ours = {
            "PENTIMENTO_REDIS_URL": self.store.url,
            "PENTIMENTO_STORE": str(self.files),
            "PENTIMENTO_LEASE_S": str(LEASE_S),
            "PENTIMENTO_MAX_ATTEMPTS": str(_ATTEMPTS),
            "PENTIMENTO_RATE_LIMIT": "100000",
            "PENTIMENTO_MAX_QUEUED": str(_MAX_QUEUED),
            "PENTIMENTO_WEBHOOKS": "1",
            "PENTIMENTO_WEBHOOK_ALLOW_PRIVATE": "1",
            "PENTIMENTO_THREADS": "1",
        }
        env = {**os.environ, **ours}
        python = (sys.executable, "-P", "-m")
        self.ports = (_free_port(), _free_port())

        def member(name: str, *argv: str) -> Member:
            return Member(name=name, argv=argv, log=folder / f"{name}.log", env=env)

        self.members = {
            "store": member("store", *self.store.program().argv),
            "api-1": member("api-1", *python, "service", "--port", str(self.ports[0])),
            "api-2": member("api-2", *python, "service", "--port", str(self.ports[1])),
            "worker": member("worker", *python, "workers", "--devices", "cpu"),
            "keeper": member("keeper", *python, "service.keeper"),
        }
        self.promised: set[str] = set()
        self._over = threading.Event()
        self._held: set[str] = set()
        self._tending = threading.Thread(target=self._tend)

    @property
    def urls(self) -> list[str]:
        """Of both APIs."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def __enter__(self) -> "Fleet":
        self.members["store"].start()
        until(self.store.answers, 20, "the store to answer")
        for name in ("api-1", "api-2", "worker", "keeper"):
            self.members[name].start()
        self._tending.start()
        until(self.ready, 120, "the service to be ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._tending.join()
        for name in ("keeper", "worker", "api-2", "api-1", "store"):
            self.members[name].end()

    def copy(self, name: str, argv: Sequence[str] | None = None, **settings: str) -> Member:
        """A second process of the same program or of `argv`, under these settings too; not restarted."""
        member = self.members[name]
        return replace(
            member,
            name=f"{name}-copy",
            argv=argv or member.argv,
            log=self.folder / f"{name}-copy.log",
            env={**member.env, **settings},
            process=None,
        )

    def ready(self) -> bool:
        """Whether both APIs say that all parts are."""
        try:
            return all(httpx2.get(f"{url}/readyz", timeout=5).status_code == 200 for url in self.urls)
        except httpx2.HTTPError:
            return False

    def down(self, name: str, change: Callable[[], None]) -> None:
        """Kill a member, change something while it is away, and start it again."""
        self._held.add(name)
        member = self.members[name]
        member.signal(signal.SIGKILL)
        if member.process is not None:
            member.process.wait(10)
        change()
        member.start()
        self._held.discard(name)

    def _tend(self) -> None:
        while not self._over.wait(_PAUSE_S):
            for name, member in self.members.items():
                if (
                    name not in self._held
                    and member.process is not None
                    and member.process.poll() is not None
                ):
                    member.start()


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait; raises TimeoutError that says for what."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
