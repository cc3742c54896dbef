"""The queue itself: RQ carries job ids and nothing else."""

from typing import Any, Final, TypeVar

from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from store.keys import QUEUE

# RQ wants the name of a function; there is none of this name, so that a worker of plain RQ fails the message.
_FUNCTION: Final = "pentimento.job"
_KEPT_S: Final = 3600

AnyJob = TypeVar("AnyJob", bound=Job)


def message(redis: Any, job_id: str, of: type[AnyJob]) -> AnyJob:
    """RQ's own record of a job; it can be made again at any time, since all it says is the id.

    Raises ValueError if RQ takes no such id.
    """
    return of.create(
        func=_FUNCTION,
        args=[job_id],
        id=job_id,
        connection=redis,
        serializer=JSONSerializer,
        origin=QUEUE,
        status=JobStatus.QUEUED,
        description=job_id,
        result_ttl=_KEPT_S,
        failure_ttl=_KEPT_S,
    )
