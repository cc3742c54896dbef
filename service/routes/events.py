"""Jobs as streams of server-sent events."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from redis.exceptions import RedisError

from api_schemas import ErrorCode, FieldError, Problem
from service import openapi
from service.answers import no_job
from service.auth import Caller, TheCaller, TheGate
from service.errors import NothingMore, ServiceError
from service.routes.common import JobPath, TheFollower, TheStore
from store import BadCursor

router = APIRouter(tags=["jobs"])

log = logging.getLogger(__name__)

_RETRY_MS = 1000
_RECHECKED_S = 15.0  # so often a stream asks whether its job and its key are still there


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in the events of a job a stream begins."""

    job_id: str
    caller: Caller
    after: str | None


def _place(
    job_id: JobPath,
    store: TheStore,
    caller: TheCaller,
    after: Annotated[
        str,
        Header(
            alias="Last-Event-ID",
            description="The last event that the client has: only later ones are sent.",
            examples=["1767607200000-0"],
        ),
    ] = "",
) -> Place:
    job = store.jobs.get(job_id, caller.tenant)
    if job is None:
        raise no_job(job_id)
    try:
        more = store.events.read(job_id, after or None)
    except BadCursor:
        message = "this is no id of an event; give the last one that was received, or none"
        field = FieldError(loc=["header", "Last-Event-ID"], msg=message, type="event_id")
        raise ServiceError.of(
            Problem.of(ErrorCode.VALIDATION_ERROR, f"Last-Event-ID: {message}", errors=[field])
        ) from None
    if job.status.terminal and not more:
        raise NothingMore
    return Place(job_id=job_id, caller=caller, after=after or None)


async def _stream(gate: TheGate, caller: TheCaller) -> AsyncIterator[None]:
    """Counts the stream until it ends."""
    with gate.streams.held(caller.counted_as):
        yield


@router.get(
    "/jobs/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    dependencies=[Depends(_stream)],
    responses={
        200: openapi.event_stream(),
        204: {"description": "The job has ended, and the client has all of its events."},
        **openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
    },
)
async def events(
    place: Annotated[Place, Depends(_place)], store: TheStore, follower: TheFollower, gate: TheGate
) -> AsyncIterator[ServerSentEvent]:
    """What happened to the job so far, then what happens, as `status` and `progress` events, until it ends.

    A stream that breaks off is resumed by `Last-Event-ID`, as browsers do of themselves.
    """

    def gone() -> bool:
        return store.jobs.get(place.job_id, place.caller.tenant) is None or not gate.still_admits(
            place.caller
        )

    checked = monotonic()
    try:
        async for event in follower.follow(place.job_id, place.after):
            if monotonic() - checked > _RECHECKED_S:
                if await to_thread.run_sync(gone):
                    return
                checked = monotonic()
            if event is not None:
                yield ServerSentEvent(event=event.name, data=event.data, id=event.id, retry=_RETRY_MS)
    except RedisError as error:
        log.warning("a stream of events breaks off: %s", error)
