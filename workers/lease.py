"""The thread that says the worker is alive, while the main thread computes."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from api_schemas import ModelInfo
from store import Claim, Lock, Store, Verdict
from workers.settings import WorkerSettings

log = structlog.get_logger(__name__)


class Heart:
    """Every second: renew what this worker holds, and queue again what dead workers held.

    It renews without looking at progress; a job that makes none is ended by the guard, together with the
    process, and all that it held lapses. When the process loses its `parent`, it asks itself to stop.
    """

    def __init__(
        self,
        store: Store,
        settings: WorkerSettings,
        worker: str,
        model: ModelInfo,
        parent: int | None = None,
    ) -> None:
        self._store, self._worker, self._model = store, worker, model
        self._lease_s = settings.lease_s
        self._pause_s = min(1.0, settings.lease_s / 8)
        self._claim: Claim | None = None
        self._locks: list[Lock] = []
        self._also: Callable[[], None] | None = None
        self._over = threading.Event()
        self._parent = os.getppid() if parent is None else parent
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin; from now on the worker counts as alive."""
        self._thread.start()

    def stop(self) -> None:
        """End; from now on the worker counts as gone."""
        self._over.set()
        self._thread.join(self._pause_s + 5)
        self._store.presence.retire(self._worker)

    @contextmanager
    def keeping(self, claim: Claim, also: Callable[[], None]) -> Iterator[None]:
        """While entered, the job stays this worker's, and `also` is called at every beat."""
        self._claim, self._also = claim, also
        try:
            yield
        finally:
            self._claim = self._also = None

    @contextmanager
    def holding(self, lock: Lock) -> Iterator[None]:
        """While entered, the lock does not lapse."""
        self._locks.append(lock)
        try:
            yield
        finally:
            self._locks.remove(lock)

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except Exception as error:
                log.warning("a beat was lost", error=f"{type(error).__name__}: {error}")
            if self._over.wait(self._pause_s):
                return

    def _beat(self) -> None:
        if os.getppid() != self._parent:
            os.kill(os.getpid(), signal.SIGTERM)
            self._parent = os.getppid()
        claim, also = self._claim, self._also
        if claim is not None and self._store.jobs.beat(claim, self._lease_s) is Verdict.FENCED:
            log.warning("the job is another worker's now", job_id=claim.job_id, attempt=claim.attempt)
        for lock in list(self._locks):
            lock.renew()
        self._store.presence.publish(self._worker, self._model, 3 * self._lease_s)
        again, ended = self._store.jobs.reap()
        if again or ended:
            log.warning("jobs of lost workers", queued_again=again, ended=ended)
        if also is not None:
            also()
