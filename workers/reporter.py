"""The progress of a running job: reported to the store, which answers whether the job is to stop."""

from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog
from PIL import Image
from redis.exceptions import RedisError

import engine
from api_schemas import Notice, Progress
from store import Claim, Fenced, JobStore, Verdict
from workers.eta import Costs, Pace, Phase
from workers.measures import STEP
from workers.previews import Previews
from workers.watchdog import Guard

log = structlog.get_logger(__name__)

_EVERY_S: Final = 0.2
_SOON_S: Final = 0.05
_AFTER_FAILURE_S: Final = 2.0


class Canceled(Exception):
    """The job is to be canceled."""


class HandedBack(Exception):
    """The worker has to stop before the job is done."""


class Reporter:
    """Called by the engine at every step; raises Canceled, HandedBack or Fenced to end the job there."""

    def __init__(
        self,
        jobs: JobStore,
        claim: Claim,
        guard: Guard,
        leaving: Callable[[], bool],
        lease_s: float,
        costs: Costs | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._jobs, self._claim, self._lease_s = jobs, claim, lease_s
        self._guard, self._leaving, self._clock = guard, leaving, clock
        self._costs, self._sort = costs or Costs(), (claim.kind, claim.method)
        self._pace = Pace(self._costs.of(self._sort))
        self._previews = Previews(clock)
        self._preview_url: str | None = None
        self._phase, self._at = "", 0.0
        self._reported, self._reported_at = "", float("-inf")
        self._silent_until = 0.0
        self.warnings: list[Notice] = []

    def expect(self, *phases: Phase) -> None:
        """Say which phases are still to come, in order; without it there is no percentage and no ETA."""
        self._pace.expect(*phases)
        self._live()

    def show(self, picture: Image.Image) -> None:
        """Say which working picture the job is about; without it there are no previews."""
        self._previews.picture = picture

    def warn(self, code: str, message: str) -> None:
        """Add to the job's warnings."""
        self.warnings.append(Notice(code=code, message=message))

    def learn(self) -> None:
        """Remember what the phases took, for the ETA of the next job of this sort."""
        self._costs.learn(self._sort, self._pace.costs)

    def __call__(self, now: engine.Progress) -> None:
        """Record a step, report to the store now and then, and stop if asked to."""
        at = self._clock()
        if now.phase == self._phase:
            STEP.labels(now.phase).observe(at - self._at)
        self._phase, self._at = now.phase, at
        percent, eta = self._pace.hear(now, at)
        self._live()
        png = self._previews.draw(now)
        pause = _EVERY_S if now.phase == self._reported else _SOON_S
        if at >= self._silent_until and (png is not None or at >= self._reported_at + pause):
            self._reported, self._reported_at = now.phase, at
            progress = Progress(phase=now.phase, step=now.step, total=now.total, percent=percent)
            self._ask(lambda: self._report(progress, eta, png), at)
        self._stop_if_leaving()

    def check(self) -> None:
        """A sign of life without progress: while waiting for another worker, or storing results."""
        self._live()
        at = self._clock()
        if at >= max(self._reported_at + _EVERY_S, self._silent_until):
            self._reported_at = at
            self._ask(lambda: self._jobs.beat(self._claim, self._lease_s), at)
        self._stop_if_leaving()

    def _live(self) -> None:
        self._guard.alive(self._pace.rows_ahead, self._pace.slowest_row_s)

    def _report(self, progress: Progress, eta: float | None, png: bytes | None) -> Verdict:
        if png is not None:
            self._jobs.preview(self._claim, png)
            self._preview_url = f"/jobs/{self._claim.job_id}/preview.png?n={self._previews.drawn}"
        progress = progress.model_copy(update={"preview_url": self._preview_url})
        return self._jobs.progress(self._claim, progress, eta)

    def _ask(self, report: Callable[[], Verdict], at: float) -> None:
        try:
            verdict = report()
        except RedisError as error:
            log.warning("progress could not be reported", error=str(error))
            self._silent_until = at + _AFTER_FAILURE_S
            return
        if verdict is Verdict.CANCEL:
            raise Canceled
        if verdict is Verdict.FENCED:
            raise Fenced(self._claim.job_id)

    def _stop_if_leaving(self) -> None:
        if self._leaving():
            raise HandedBack
