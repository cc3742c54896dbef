"""The queue itself: RQ carries job ids and nothing else."""

from typing import Any, Final

from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from store.keys import QUEUE

TASK: Final = "workers.tasks.run"
_KEPT_S: Final = 3600


def message(redis: Any, job_id: str, timeout_s: int) -> Job:
    """RQ's own record of a job; it can be written again at any time, since all it says is the id."""
    return Job.create(
        func=TASK,
        args=[job_id],
        id=job_id,
        connection=redis,
        serializer=JSONSerializer,
        origin=QUEUE,
        status=JobStatus.QUEUED,
        description=job_id,
        timeout=timeout_s,
        result_ttl=_KEPT_S,
        failure_ttl=_KEPT_S,
    )
