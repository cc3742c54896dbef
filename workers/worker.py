"""RQ's worker, made to keep a model warm: what it changes, and only that.

Written for rq 2.12; `tests/workers/rq/` holds RQ to every hook that is overridden here.
"""

from datetime import timedelta
from time import monotonic
from types import FrameType
from typing import Any, Final, Self

import structlog
from rq import SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.utils import now
from rq.worker import WorkerStatus
from rq.worker_registration import clean_worker_registry

from store import JobStore, keys
from store.queue import message
from workers.lease import Heart
from workers.runner import Runner
from workers.settings import WorkerSettings

log = structlog.get_logger(__name__)

_TWICE_S: Final = 1.0
_BEAT: Final = timedelta(seconds=0.5)


class OurJob(Job):
    """A message known from its id alone, which therefore can name nothing but our task.

    What Redis has of a message is for RQ's own tools to show: no function, callback or webhook that stands
    there is ever read here.
    """

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> Self:
        """The message; raises NoSuchJobError if it cannot be one of ours."""
        try:
            return message(connection, id, cls)
        except ValueError as error:
            raise NoSuchJobError(str(error)) from None


class Leaving:
    """Whether the worker was asked to stop so long ago that its job must be handed back."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._since = self._until = float("inf")

    def __call__(self) -> bool:
        """Whether the time of grace is over."""
        return self.asked and monotonic() >= self._until

    @property
    def asked(self) -> bool:
        """Whether the worker was asked to stop at all."""
        return self._since < float("inf")

    def begin(self) -> None:
        """The worker was asked to stop."""
        if not self.asked:
            self._since = monotonic()
            self._until = self._since + self._grace_s

    def hurry(self) -> None:
        """It was asked again; one Ctrl-C may well arrive twice."""
        if monotonic() - self._since > _TWICE_S:
            self._until = monotonic()


class EditingWorker(SimpleWorker):
    """Runs jobs in this process, one after the other, each under a claim of its own."""

    job_class = OurJob
    max_connection_wait_time = 5.0

    def __init__(
        self,
        *,
        name: str,
        connection: Any,
        jobs: JobStore,
        settings: WorkerSettings,
        heart: Heart,
        runner: Runner,
        leaving: Leaving,
    ) -> None:
        super().__init__(
            [keys.QUEUE],
            name=name,
            connection=connection,
            job_class=OurJob,
            serializer=JSONSerializer,
            worker_ttl=60,
            maintenance_interval=60,
            log_job_description=False,
        )
        self._jobs, self._heart = jobs, heart
        self._lease_s, self._timeout_s = settings.lease_s, settings.job_timeout_s
        self._runner, self._leaving = runner, leaving

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Claim the job, keep the claim alive meanwhile, and run it within its time, or let it pass by.

        What RQ would write down around the job, the scripts of our store do. If the worker is asked to stop
        from here on, the job has its grace period, as RQ gives it while a worker is busy.
        """
        self._state = WorkerStatus.BUSY
        claim = self._jobs.begin(job.id, self.name, self._lease_s)
        if claim is None:
            self._pass_by(job, queue)
            return
        limit = self.death_penalty_class(self._timeout_s, JobTimeoutException, job_id=job.id)
        try:
            with self._heart.keeping(claim, also=self.heartbeat), limit:
                self._runner.run(claim)
        except Exception:
            log.exception("how a job ended could not be recorded", job_id=job.id)
        if self._runner.tainted:
            self._stop_requested = True

    def _pass_by(self, job: Job, queue: Queue) -> None:
        """A job of ours has ended or is another worker's; a message of another program fails, visibly."""
        ours = keys.is_job_id(job.id)
        log.info("a message passes by", message=job.id, ours=ours)
        if not ours:
            self.handle_job_failure(job, queue, exc_string="no job of this queue, which takes its own alone")

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that the worker is there, and its state; RQ asks for it more often than is needed.

        Another thread does this during a job, so that the state itself is only read here.
        """
        since = now() - self.last_heartbeat if self.last_heartbeat else _BEAT
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
        elif since >= _BEAT:
            with self.connection.pipeline() as together:
                super().heartbeat(timeout, together)
                together.hset(self.key, "state", self._state)
                together.execute()

    def run_maintenance_tasks(self) -> None:
        """Sweep RQ's books and our memory; lost jobs are queued again by the heart, from our own books."""
        for queue in self.queues:
            clean_worker_registry(queue)
            FailedJobRegistry(queue=queue).cleanup()
        self._runner.sweep()
        self.last_cleaned_at = now()

    def subscribe(self) -> None:
        """Take no commands by way of Redis: they may get lost, and any client of Redis may send them."""

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM: the job has its time of grace, then it is handed back."""
        self._leaving.begin()

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM again: the job is handed back at its next step."""
        self._leaving.hurry()
