"""What a running job says about itself, and how it learns that it should stop."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final, Protocol

import structlog
from redis.exceptions import RedisError

from api_schemas import Progress
from store import Claim, Fenced, JobStore, Verdict
from workers.guard import Guard

log = structlog.get_logger(__name__)

_EVERY_S: Final = 0.2
_AFTER_FAILURE_S: Final = 2.0
_ENOUGH: Final = 3


class Canceled(Exception):
    """Somebody asked for this job to be canceled."""


class HandedBack(Exception):
    """The worker has to stop before the job is done."""


class Step(Protocol):
    """The engine's progress: `step` of `total` steps of `phase` are done."""

    @property
    def phase(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def total(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a job: so many steps as far as is known before, each costing so many rows of the denoiser."""

    name: str
    steps: int
    rows: float = 1.0


class Reporter:
    """Called by the engine at every step; raises Canceled, HandedBack or Fenced to end the job there."""

    def __init__(
        self,
        jobs: JobStore,
        claim: Claim,
        guard: Guard,
        leaving: Callable[[], bool],
        lease_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._jobs, self._claim, self._lease_s = jobs, claim, lease_s
        self._guard, self._leaving, self._clock = guard, leaving, clock
        self._plan: tuple[Phase, ...] = ()
        self._paces: deque[tuple[float, float]] = deque(maxlen=40)
        self._last: tuple[str, int, float] | None = None
        self._percent = 0.0
        self._write_at = 0.0
        self.warnings: list[str] = []

    def expect(self, *phases: Phase) -> None:
        """Say which phases are still to come, in order; without it there is no percentage and no ETA."""
        self._plan = phases

    def __call__(self, now: Step) -> None:
        """Take note of a step, tell the store now and then, and stop if asked to."""
        self._guard.alive()
        at = self._clock()
        self._plan = tuple(
            replace(phase, steps=now.total) if phase.name == now.phase else phase for phase in self._plan
        )
        phase = next((phase for phase in self._plan if phase.name == now.phase), None)
        if self._last is not None and phase is not None:
            name, step, then = self._last
            if name == now.phase and now.step > step:
                self._paces.append((at - then, (now.step - step) * phase.rows))
        new_phase = self._last is None or self._last[0] != now.phase
        self._last = (now.phase, now.step, at)
        if new_phase or now.step == now.total or at >= self._write_at:
            self._tell(now, phase, at)
        self._stop_if_leaving()

    def check(self) -> None:
        """A sign of life without progress: while waiting for another worker, or storing results."""
        self._guard.alive()
        at = self._clock()
        if at >= self._write_at:
            self._write_at = at + _EVERY_S
            self._ask(lambda: self._jobs.beat(self._claim, self._lease_s), at)
        self._stop_if_leaving()

    def _tell(self, now: Step, phase: Phase | None, at: float) -> None:
        self._write_at = at + _EVERY_S
        left = self._left(now, phase)
        percent: float | None = None
        if left is not None:
            total = sum(each.steps * each.rows for each in self._plan)
            self._percent = max(self._percent, min(100.0, 100 * (1 - left / total))) if total else 0.0
            percent = round(self._percent, 1)
        eta = left * self._pace() if left is not None and len(self._paces) >= _ENOUGH else None
        progress = Progress(phase=now.phase, step=now.step, total=now.total, percent=percent)
        self._ask(lambda: self._jobs.progress(self._claim, progress, eta), at)

    def _left(self, now: Step, phase: Phase | None) -> float | None:
        if phase is None:
            return None
        later = self._plan[self._plan.index(phase) + 1 :]
        return (now.total - now.step) * phase.rows + sum(each.steps * each.rows for each in later)

    def _pace(self) -> float:
        """Seconds per row of late, but for the slowest step; steps that were skipped count as quick ones."""
        kept = sorted(self._paces)[:-1]
        return sum(seconds for seconds, _ in kept) / sum(rows for _, rows in kept)

    def _ask(self, report: Callable[[], Verdict], at: float) -> None:
        try:
            verdict = report()
        except RedisError as error:
            log.warning("progress could not be told", error=str(error))
            self._write_at = at + _AFTER_FAILURE_S
            return
        if verdict is Verdict.CANCEL:
            raise Canceled
        if verdict is Verdict.FENCED:
            raise Fenced(self._claim.job_id)

    def _stop_if_leaving(self) -> None:
        if self._leaving():
            raise HandedBack
