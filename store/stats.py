"""What the queue is like now, and what became of jobs so far."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from api_schemas import ErrorCode, JobKind, JobStatus
from store.scripts import Scripts


class Ended(NamedTuple):
    """A way for a job to end; `code` is that of its error."""

    kind: JobKind
    status: JobStatus
    code: ErrorCode | None


@dataclass(frozen=True, kw_only=True)
class Stats:
    """`queued` jobs wait for a worker, `held` ones for an inversion, and `processing` ones are being run.

    `oldest_wait_s` is how long the job at the front has waited, `mean_s` what jobs took of late; `ended`
    counts since the server's data began. There are `records` inversions, in `record_bytes` of files.
    """

    queued: int
    held: int
    processing: int
    oldest_wait_s: float
    mean_s: dict[JobKind, float]
    ended: dict[Ended, int]
    records: int
    record_bytes: int


def read_stats(redis: Any) -> Stats:
    """All of it at one moment."""
    answer = Scripts(redis, "stats").run("stats")
    queued, processing, unended, waited, recent, ended, records, record_bytes = answer
    return Stats(
        queued=queued,
        held=max(0, unended - queued - processing),
        processing=processing,
        oldest_wait_s=waited / 1000,
        mean_s={JobKind(kind): float(seconds) for kind, seconds in _pairs(recent)},
        ended={_ended(name): int(count) for name, count in _pairs(ended)},
        records=records,
        record_bytes=record_bytes,
    )


def _ended(name: str) -> Ended:
    kind, status, code = name.split(" ")
    return Ended(JobKind(kind), JobStatus(status), ErrorCode(code) if code else None)


def _pairs(flat: list[str]) -> list[tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
