"""Asking for inversions and edits, and following them."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from api_schemas import Accepted, EditRequest, ErrorCode, Job, JobList, JobStatus
from service import openapi
from service.bodies import DECODERS, read_invert, read_json
from service.edge import UPLOAD_BYTES
from service.errors import ServiceError
from service.routes.common import JobPath, TheSettings, TheStore
from service.submit import no_job, submit_edit, submit_invert
from service.webhooks import check_webhook

router = APIRouter(tags=["jobs"])

_ACCEPTED = {"headers": openapi.accepted_headers()}


@router.post(
    "/invert",
    status_code=202,
    summary="Prepare an image for editing",
    max_body_size=UPLOAD_BYTES,
    openapi_extra=openapi.invert_body(),
    responses={
        202: _ACCEPTED,
        **openapi.problems(
            ErrorCode.VALIDATION_ERROR,
            ErrorCode.INVALID_IMAGE,
            ErrorCode.INVALID_PARAMETER,
            ErrorCode.PROMPT_TOO_LONG,
            ErrorCode.UNKNOWN_MODEL,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            ErrorCode.QUEUE_UNAVAILABLE,
            ErrorCode.INSUFFICIENT_STORAGE,
        ),
    },
)
async def invert(request: Request, response: Response, store: TheStore, settings: TheSettings) -> Accepted:
    """Send an image and what it shows; the answer names the image, which may be edited at once.

    The same image with the same options always gets the same id and is inverted only once.
    """
    options, data = await read_invert(request)
    check_webhook(options.webhook_url, settings)
    accepted = await to_thread.run_sync(submit_invert, store, options, data, limiter=DECODERS)
    response.headers["Location"] = accepted.links.self
    return accepted


@router.post(
    "/edit",
    status_code=202,
    summary="Edit an image by a target prompt",
    openapi_extra=openapi.json_body(EditRequest),
    responses={
        202: _ACCEPTED,
        **openapi.problems(
            ErrorCode.VALIDATION_ERROR,
            ErrorCode.NOT_FOUND,
            ErrorCode.CONFLICT,
            ErrorCode.RECORD_MISMATCH,
            ErrorCode.UNKNOWN_WORD,
            ErrorCode.INVALID_PARAMETER,
            ErrorCode.PROMPTS_DO_NOT_ALIGN,
            ErrorCode.PROMPT_TOO_LONG,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            ErrorCode.QUEUE_UNAVAILABLE,
        ),
    },
)
async def edit(request: Request, response: Response, store: TheStore, settings: TheSettings) -> Accepted:
    """Name an image and say what it is to show.

    The edit waits if the inversion is still under way, and fails with the inversion's error if that fails.
    """
    asked = await read_json(request, EditRequest)
    check_webhook(asked.webhook_url, settings)
    accepted = await to_thread.run_sync(submit_edit, store, asked)
    response.headers["Location"] = accepted.links.self
    return accepted


@router.get(
    "/jobs",
    summary="List the latest jobs",
    responses=openapi.problems(ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def list_jobs(
    store: TheStore,
    limit: Annotated[int, Query(ge=1, le=200, description="How many jobs to list at most.")] = 50,
) -> JobList:
    """The latest jobs, newest first."""
    jobs, after = store.jobs.page("default", limit=limit)
    return JobList(jobs=jobs, next_cursor=after)


@router.get(
    "/jobs/{job_id}",
    summary="Look at a job",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def get_job(job_id: JobPath, store: TheStore) -> Job:
    """How far a job is, and once it has ended, what it made or why it failed."""
    job = store.jobs.get(job_id)
    if job is None:
        raise no_job(job_id)
    return job


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses=openapi.problems(
        ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.CONFLICT, ErrorCode.QUEUE_UNAVAILABLE
    ),
)
def cancel_job(job_id: JobPath, store: TheStore) -> Job:
    """A waiting job is canceled at once, a running one stops at its next step; asking again is no error.

    A job that has ended otherwise answers 409.
    """
    found = store.jobs.request_cancel(job_id)
    job = store.jobs.get(job_id)
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
