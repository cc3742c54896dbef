"""What the queue is like now, and what became of jobs so far."""

from dataclasses import dataclass
from typing import NamedTuple

from api_schemas import ErrorCode, JobKind, JobStatus


class Ended(NamedTuple):
    """A way for a job to end; `code` is that of its error."""

    kind: JobKind
    status: JobStatus
    code: ErrorCode | None


@dataclass(frozen=True, kw_only=True)
class Stats:
    """`queued` jobs wait for a worker, `held` ones for an inversion, and `processing` ones are being run."""

    queued: int
    held: int
    processing: int
    oldest_wait_s: float
    mean_s: dict[JobKind, float]
    ended: dict[Ended, int]
