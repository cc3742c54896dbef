"""Jobs: looked at, listed, canceled."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api_schemas import ErrorCode, ImageId, Job, JobKind, JobList, JobStatus, OutputFormat
from service import formats, openapi
from service.answers import no_job
from service.auth import TheCaller
from service.errors import ServiceError
from service.routes.common import Cursor, JobPath, Limit, TheStore, bad_cursor
from store import BadCursor

router = APIRouter(tags=["jobs"])


@router.get(
    "/jobs",
    summary="List the jobs",
    responses=openapi.problems(ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def list_jobs(
    store: TheStore,
    caller: TheCaller,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[JobStatus | None, Query(description="Only those that are there.")] = None,
    kind: Annotated[JobKind | None, Query(description="Only those that do this.")] = None,
    image_id: Annotated[ImageId | None, Query(description="Only those on this image.")] = None,
) -> JobList:
    """The jobs that match, newest first; what is made meanwhile does not move the pages."""
    try:
        jobs, following = store.jobs.page(
            caller.tenant, limit=limit, cursor=cursor, status=status, kind=kind, image_id=image_id
        )
    except BadCursor:
        raise bad_cursor() from None
    return JobList(jobs=jobs, next_cursor=following)


@router.get(
    "/jobs/{job_id}",
    summary="Look at a job",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def get_job(job_id: JobPath, store: TheStore, caller: TheCaller) -> Job:
    """How far a job is, and once it has ended, what it made or why it failed."""
    job = store.jobs.get(job_id, caller.tenant)
    if job is None:
        raise no_job(job_id)
    return job


@router.get(
    "/jobs/{job_id}/preview.png",
    summary="What a running job shows by now",
    response_class=Response,
    responses={
        200: {"description": "The picture.", "content": formats.content(OutputFormat.PNG)},
        **openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
    },
)
def preview(
    job_id: JobPath,
    store: TheStore,
    caller: TheCaller,
    accept: Annotated[str, Header(description=f"`{formats.BYTES}` answers under that name.")] = "",
) -> Response:
    """The latest preview; there is none before the first step and some time after the end."""
    png = store.jobs.latest_preview(job_id, caller.tenant)
    if png is None:
        raise ServiceError(ErrorCode.NOT_FOUND, "There is no preview of this job, or not yet.")
    return Response(png, media_type=formats.media_type(OutputFormat.PNG, accept))


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses=openapi.problems(
        ErrorCode.NOT_FOUND,
        ErrorCode.VALIDATION_ERROR,
        ErrorCode.CONFLICT,
        ErrorCode.QUEUE_UNAVAILABLE,
        ErrorCode.RATE_LIMITED,
    ),
)
def cancel_job(job_id: JobPath, store: TheStore, caller: TheCaller) -> Job:
    """A waiting job is canceled at once, a running one stops at its next step; asking again is no error.

    A job that has ended otherwise answers 409.
    """
    found = store.jobs.request_cancel(job_id, caller.tenant)
    job = store.jobs.get(job_id, caller.tenant)
    if found is None or job is None:
        raise no_job(job_id)
    if found.terminal and found is not JobStatus.CANCELED:
        raise ServiceError(ErrorCode.CONFLICT, f"The job has already ended: it {_ENDED[found]}.")
    return job


_ENDED = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.ABORTED: "was aborted",
}
