"""Answers to requests for work: what was accepted, and why something was not."""

from collections.abc import Sequence

from api_schemas import Accepted, Chosen, ErrorCode, Links, Notice, Problem
from service.errors import RETRY_AFTER_S, ServiceError
from store import QueueFull, Submission


def accepted(
    submission: Submission, warnings: Sequence[Notice] = (), chosen: Chosen | None = None
) -> Accepted:
    """The answer to a request that was accepted; `chosen` is what `auto` chose for it."""
    return Accepted(
        job_id=submission.job_id,
        image_id=submission.image_id,
        status=submission.status,
        inversion=submission.inversion,
        chosen=chosen,
        links=Links.of(submission.job_id, submission.image_id),
        warnings=list(warnings),
    )


def no_image(image: str) -> ServiceError:
    """The error for an image id that was never given out, or whose image is gone."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no image '{image}'; it may have been deleted.")


def no_job(job_id: str) -> ServiceError:
    """The error for a job id that was never given out, or whose job has expired."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no job '{job_id}'; it may have expired.")


def no_room(what: str) -> ServiceError:
    """The error for something that the file store has no room for."""
    return ServiceError(ErrorCode.INSUFFICIENT_STORAGE, f"There is no room left to keep the {what}.")


def queue_full(full: QueueFull) -> ServiceError:
    """The error for a queue that takes no more, with the time after which it may."""
    return ServiceError(ErrorCode.QUEUE_FULL, f"{full}.", {"Retry-After": str(full.retry_after_s)})


def loading(detail: str) -> ServiceError:
    """The error for what only the model's workers can tell, of which none has begun yet."""
    text = f"No worker has loaded the model yet. {detail}"
    return ServiceError(ErrorCode.MODEL_LOADING, text, {"Retry-After": str(RETRY_AFTER_S)})


def cannot_edit(cause: Problem) -> ServiceError:
    """The error for an edit of an image whose inversion failed by this cause."""
    detail = f"The inversion of the image failed: {cause.detail}"
    # A cause that was the service's own fault then is still a conflict with the image's state now.
    status = cause.status if cause.status < 500 else ErrorCode.CONFLICT.http_status
    return ServiceError.of(cause.model_copy(update={"detail": detail, "status": status}))
