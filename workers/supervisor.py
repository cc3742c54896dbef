"""Keeps one worker process per device alive. Never imports torch."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic
from types import FrameType
from typing import Final
from uuid import uuid4

import structlog
from redis.exceptions import RedisError

import store
from workers.exporter import Exporter
from workers.settings import WorkerSettings

log = structlog.get_logger(__name__)

_WORKER: Final = ("-m", "workers.process")
_STEADY_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 30.0
_KILL_S: Final = 15.0
_STOP: Final = "stop"
# How long a thread without work spins before it sleeps. The default is so long that on a busy machine the
# others stand still meanwhile; `python -m benchmarks.threads` shows what this saves there and costs alone.
_SPINS: Final = "2000"


@dataclass
class Slot:
    """A device and the process that serves it now."""

    device: str
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    failures: int = 0
    timer: threading.Timer | None = field(default=None, repr=False)


def _share(workers: int) -> int:
    """Threads for each of several workers on the CPU; 0, the library's choice, for one that has it to itself.

    More threads than cores wait for one another, and spin meanwhile: `python -m benchmarks.threads`.
    """
    if workers < 2:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // workers)


class Supervisor:
    """Starts, restarts and stops worker processes; an event queue carries all that happens."""

    def __init__(self, settings: WorkerSettings, command: Sequence[str] = _WORKER) -> None:
        self._settings, self._command = settings, command
        self._store = store.open(settings)
        self._slots = [Slot(device=device.strip()) for device in settings.devices.split(",")]
        self._threads = settings.threads or _share(sum(slot.device == "cpu" for slot in self._slots))
        self._events: SimpleQueue[tuple[str, Slot | None]] = SimpleQueue()
        self._stopping = False
        self._status = os.EX_OK
        self._exporter: Exporter | None = None

    def run(self) -> int:
        """Work until SIGTERM or SIGINT, then until every process has ended; returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with ExitStack() as stack:
            self._exporter = self._export(stack)
            for slot in self._slots:
                self._start(slot)
            while not self._stopping or any(slot.process for slot in self._slots):
                event, about = self._events.get()
                if event == _STOP:
                    self._stop()
                elif about is not None and event == "ended":
                    self._ended(about)
                elif about is not None and not self._stopping:
                    self._start(about)
        return self._status

    def _export(self, stack: ExitStack) -> Exporter | None:
        host, port = self._settings.worker_metrics_host, self._settings.worker_metrics_port
        if not port:
            return None
        try:
            return stack.enter_context(Exporter(host, port))
        except OSError as error:
            log.error("metrics cannot be served", host=host, port=port, error=str(error))
            return None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._events.put((_STOP, None))

    def _start(self, slot: Slot) -> None:
        slot.name = f"{socket.gethostname()}-{uuid4().hex}"
        slot.began = monotonic()
        flags = ["-P"] if sys.flags.safe_path else []
        about = ["--device", slot.device, "--parent", str(os.getpid()), "--name", slot.name]
        slot.process = subprocess.Popen(
            [sys.executable, *flags, *self._command, *about], env=self._environment(slot)
        )
        log.info("worker started", device=slot.device, worker=slot.name, pid=slot.process.pid)
        threading.Thread(target=self._wait, args=(slot, slot.process), daemon=True).start()

    def _environment(self, slot: Slot) -> dict[str, str]:
        found = dict(os.environ)
        if self._threads:
            found["PENTIMENTO_THREADS"] = str(self._threads)
        if slot.device == "cpu":
            found.setdefault("GOMP_SPINCOUNT", _SPINS)
        return found | (self._exporter.environment if self._exporter else {})

    def _wait(self, slot: Slot, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._events.put(("ended", slot))

    def _ended(self, slot: Slot) -> None:
        status = slot.process.returncode if slot.process else 0
        if self._exporter and slot.process:
            self._exporter.forget(slot.process.pid)
        slot.process = None
        self._give_up_jobs(slot.name)
        log.info("worker ended", device=slot.device, worker=slot.name, status=status)
        if self._stopping:
            return
        if status == os.EX_CONFIG:
            self._status = os.EX_CONFIG
            self._stop()
            return
        slot.failures = 0 if monotonic() - slot.began > _STEADY_S else slot.failures + 1
        pause = 0.0 if slot.failures < 2 else min(_LONGEST_PAUSE_S, 2.0 ** (slot.failures - 2))
        slot.timer = threading.Timer(pause, self._events.put, [("start", slot)])
        slot.timer.daemon = True
        slot.timer.start()

    def _give_up_jobs(self, worker: str) -> None:
        try:
            self._store.presence.retire(worker)
            self._store.jobs.abandon(worker)
            self._store.jobs.reap()
        except RedisError as error:
            log.warning("jobs of a dead worker wait for their lease", worker=worker, error=str(error))

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            timer = threading.Timer(self._settings.grace_s + _KILL_S, self._kill)
            timer.daemon = True
            timer.start()
        for slot in self._slots:
            if slot.timer is not None:
                slot.timer.cancel()
            if slot.process is not None:
                slot.process.send_signal(signal.SIGTERM)

    def _kill(self) -> None:
        for slot in self._slots:
            if slot.process is not None:
                log.warning("worker killed: it did not stop in time", worker=slot.name)
                slot.process.kill()
