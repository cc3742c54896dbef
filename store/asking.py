"""What comes with a request for work beside its body, and what becomes of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api_schemas import Chosen, InversionInfo, JobStatus, Notice


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The tenant of a request and its conditions; `deadline_s` counts from the moment of acceptance.

    `max_queued` bounds the unended jobs of the tenant; None takes the bound of the settings. A request that
    is sent again with the `job_id` of its first try makes no second job; None takes a fresh one.
    `warnings` are what was noticed before the job was made, `chosen` what `auto` chose for it.
    """

    tenant: str = "default"
    request_id: str | None = None
    traceparent: str | None = None
    deadline_s: float | None = None
    max_queued: int | None = None
    job_id: str | None = None
    warnings: tuple[Notice, ...] = ()
    chosen: Chosen | None = None


BY_DEFAULT: Final = Ask()


class How(StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    JOINED = "joined"
    CACHED = "cached"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job that was made or found for a request, and the inversion that it makes or needs."""

    job_id: str
    image_id: str
    inversion: InversionInfo
    status: JobStatus
    how: How
