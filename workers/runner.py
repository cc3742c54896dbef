"""From a claimed job to its recorded end."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog
from redis.exceptions import RedisError

import engine
from api_schemas import EditRequest, EditResult, ErrorCode, InvertResult
from store import Claim, Fenced, StorageUnavailable, Store, tracing
from workers.eta import Costs
from workers.measures import FAILURES, JOB
from workers.problems import problem_of
from workers.records import Records
from workers.reporter import Canceled, HandedBack, Reporter
from workers.retry import patiently
from workers.watchdog import Guard
from workers.work import Work

log = structlog.get_logger(__name__)


class Runner:
    """Runs one job at a time on the loaded model."""

    def __init__(
        self,
        models: engine.Backbone,
        store: Store,
        records: Records,
        guard: Guard,
        leaving: Callable[[], bool],
        lease_s: float,
    ) -> None:
        self._store, self._records = store, records
        self._work = Work(models, store, records)
        self._guard, self._leaving, self._lease_s = guard, leaving, lease_s
        self._costs = Costs()

    @property
    def tainted(self) -> bool:
        """Whether memory ran out twice: what is left of it is not to be trusted."""
        return self._work.painter.exhausted >= 2

    def sweep(self) -> None:
        """Forget what is in memory of images that were deleted meanwhile."""
        self._records.sweep()
        self._records.measure()

    def run(self, claim: Claim) -> None:
        """Run the job to one of its ends, and record that end.

        Nothing is raised for what the job did; a redis error is if the store stays away for a minute.
        """
        reporter = Reporter(self._store.jobs, claim, self._guard, self._leaving, self._lease_s, self._costs)
        began = monotonic()
        with structlog.contextvars.bound_contextvars(**_named(claim)), tracing.job_span(claim) as span:
            try:
                outcome, record = self._outcome(claim, reporter)
            finally:
                self._records.originals.release()
                self._guard.rest()
            try:
                there = patiently(record, RedisError)
            except Fenced:
                outcome, there = "another's", False
            if not there:
                self._forget(claim.image_id)
            seconds = round(monotonic() - began, 3)
            span.set_attribute("pentimento.outcome", outcome)
            if outcome == "succeeded":
                JOB.labels(claim.kind, claim.method).observe(seconds)
            self._records.measure()
            log.info("job ended", kind=claim.kind, image=claim.image_id, outcome=outcome, seconds=seconds)

    def _forget(self, image_id: str) -> None:
        try:
            patiently(lambda: self._records.forget(image_id), RedisError)
        except StorageUnavailable as error:
            log.warning("files are left for the keeper to remove", image=image_id, error=str(error))

    def _outcome(self, claim: Claim, reporter: Reporter) -> tuple[str, Callable[[], bool]]:
        jobs = self._store.jobs
        self._guard.alive()
        try:
            result = self._compute(claim, reporter)
        except Canceled:
            return "canceled", lambda: jobs.cancel(claim, tuple(reporter.warnings))
        except (HandedBack, RedisError):
            return "handed back", lambda: jobs.hand_back(claim)
        except Fenced:
            return "another's", lambda: False
        except Exception as error:
            if isinstance(error, engine.OutOfMemory):
                self._work.painter.exhausted += 1
                self._records.make_room()
            problem = problem_of(error, claim.job_id)
            FAILURES.labels(problem.code).inc()
            unforeseen = problem.code is ErrorCode.INTERNAL_ERROR
            level = logging.ERROR if unforeseen else logging.INFO
            log.log(level, "job failed", code=problem.code, exc_info=unforeseen)
            return problem.code.value, lambda: jobs.fail(claim, problem, tuple(reporter.warnings))
        reporter.learn()
        return "succeeded", lambda: jobs.succeed(claim, result, tuple(reporter.warnings))

    def _compute(self, claim: Claim, reporter: Reporter) -> InvertResult | EditResult:
        if isinstance(claim.request, EditRequest):
            return self._work.edit(claim, claim.request, reporter)
        return self._work.invert(claim, claim.inversion, reporter)


def _named(claim: Claim) -> dict[str, Any]:
    """What every log line on behalf of the job bears."""
    named = {"job_id": claim.job_id, "attempt": claim.attempt}
    return named if claim.request_id is None else {**named, "request_id": claim.request_id}
