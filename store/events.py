"""What happened to a job, as it happens: a stream that every change of the job writes to."""

import re
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from redis import asyncio

from api_schemas import Job, JobEvent, JobStatus, Progress
from store import keys
from store.errors import BadCursor
from store.views import progress_at, tenants_job

_LONGEST_MS: Final = 4000
_COUNT: Final = 200
_ID: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class Event(NamedTuple):
    """One entry of the stream; its `id` resumes the stream after it."""

    id: str
    data: JobEvent

    @property
    def name(self) -> Literal["status", "progress"]:
        """Whether the job's status changed, or only its progress."""
        return "status" if self.data.progress is None or self.data.status.terminal else "progress"


class Events:
    """The streams, for threads, which may block."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def read(self, job_id: str, after: str | None = None, block_ms: int = 0) -> list[Event]:
        """The events after the one of id `after`, else from the start.

        If there are none it waits for one, `block_ms` or some seconds at most, and may return none.
        Raises BadCursor for an `after` that is no id of an event.
        """
        return _events(job_id, self._redis.xread(_position(job_id, after), _COUNT, _wait(block_ms)))


class AsyncEvents:
    """The streams, for an event loop; belongs to the loop that first uses it."""

    def __init__(self, redis: "asyncio.Redis") -> None:
        self._redis = redis

    async def read(self, job_id: str, after: str | None = None, block_ms: int = 0) -> list[Event]:
        """Like `Events.read`, waiting without a thread."""
        return _events(job_id, await self._redis.xread(_position(job_id, after), _COUNT, _wait(block_ms)))

    async def ended(self, job_id: str, tenant: str = "default") -> Job | None:
        """The job once it has ended, however long that takes; None if the tenant never had it or it expired.

        Each look at the job comes with the wait before it in one round trip.
        """
        after = None
        while True:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xread(_position(job_id, after), _COUNT, _LONGEST_MS)
                pipeline.hgetall(keys.job(job_id))
                answer, fields = await pipeline.execute()
            if fields.get("tenant") != tenant or JobStatus(fields["status"]).terminal:
                return tenants_job(job_id, fields, tenant)
            new = _entries(answer)
            after = new[-1][0] if new else after

    async def ping(self) -> None:
        """Return once the server has answered. Raises redis errors."""
        await self._redis.ping()

    async def close(self) -> None:
        """Give back the connections."""
        await self._redis.aclose()


def _position(job_id: str, after: str | None) -> Any:
    if after is not None and not (_ID.fullmatch(after) and max(map(int, after.split("-"))) < 2**63):
        raise BadCursor(f"{after!r} is not the id of an event")
    return {keys.events(job_id): after or "0"}


def _wait(block_ms: int) -> int | None:
    """Less than the connection's own patience; None does not wait, while 0 would wait for ever."""
    return min(block_ms, _LONGEST_MS) or None


def _events(job_id: str, answer: Any) -> list[Event]:
    return [_event(job_id, *entry) for entry in _entries(answer)]


def _entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """From the answer about one stream, in either form that it has."""
    streams = answer.values() if isinstance(answer, dict) else (entries for _, entries in answer)
    return [entry for entries in streams for entry in entries]


def _event(job_id: str, event_id: str, fields: dict[str, str]) -> Event:
    at = datetime.fromtimestamp(int(event_id.partition("-")[0]) / 1000, UTC)
    progress = Progress.model_validate_json(fields["progress"]) if "progress" in fields else None
    eta_s = float(fields["eta"]) if "eta" in fields else None
    status = JobStatus(fields["status"])
    progress = progress_at(status, progress)
    return Event(event_id, JobEvent(job_id=job_id, status=status, progress=progress, eta_s=eta_s, at=at))
