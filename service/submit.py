"""From an accepted request to a queued job."""

from collections.abc import Sequence
from dataclasses import replace

from api_schemas import Accepted, EditRequest, ErrorCode, InvertOptions, Links, ModelInfo, Notice, Problem
from service import knowing, uploads
from service.checks import check_edit, check_inversion
from service.errors import ServiceError
from service.inversions import chosen, pinned
from store import (
    Ask,
    InversionFailed,
    NoSuchImage,
    QueueFull,
    StorageFull,
    Store,
    Submission,
    image_id,
    keys,
    record_id,
)


def submit_invert(store: Store, options: InvertOptions, data: bytes, ask: Ask, pixels: int) -> Accepted:
    """Keep the image, scaled to at most so many `pixels`, and queue its inversion or answer from a known one.

    Raises ServiceError: what `uploads.read` and `check_inversion` raise, unknown_model, insufficient_storage,
    queue_full.
    """
    model, told = _model(store, options.model)
    check_inversion(options, None if told is None else told.token_limit)
    upload = uploads.read(data, fit=options.fit, pixels=pixels)
    width, height = upload.image.size
    image = image_id(upload.image.tobytes(), (width, height), ask.tenant)
    source = keys.source(image)
    ask = replace(ask, warnings=(*upload.warnings, *knowing.doubts(told, [options.prompt])))
    try:
        with store.files(image):
            if not store.blobs.exists(source):
                store.blobs.put(source, upload.png)
            submission = store.jobs.submit_invert(
                image, options, model=model, width=width, height=height, ask=ask
            )
    except StorageFull:
        raise ServiceError(
            ErrorCode.INSUFFICIENT_STORAGE, "There is no room left to keep the image."
        ) from None
    except QueueFull as full:
        store.sweep_image(image)
        raise _queue_full(full) from None
    return _accepted(submission, ask.warnings)


def submit_edit(store: Store, request: EditRequest, ask: Ask) -> Accepted:
    """Queue an edit; it waits for the inversion that it names if that is under way, and else makes it.

    Raises ServiceError: not_found, what `chosen`, `check_inversion` and `check_edit` raise, queue_full, and
    the inversion's own error if that failed.
    """
    image, model = store.image_and_model(request.image_id, ask.tenant)
    if image is None:
        raise no_image(request.image_id)
    inversion = chosen(image, request.inversion)
    wanted = record_id(image.id, inversion)
    for each in image.inversions:
        if each.id == wanted and each.error is not None:
            raise _cannot_edit(each.error)
    check_inversion(inversion, model.token_limit if model is not None else None, "inversion.prompt")
    check_edit(inversion, request, model)
    new = inversion.prompt if request.inversion is not None else None
    asked = [*request.targets, getattr(request.params, "value_prompt", None), request.negative_prompt, new]
    ask = replace(ask, warnings=tuple(knowing.doubts(model, asked)))
    try:
        submission = store.jobs.submit_edit(pinned(request, inversion), inversion, ask=ask)
        return _accepted(submission, ask.warnings)
    except NoSuchImage:
        raise no_image(request.image_id) from None
    except InversionFailed as failed:
        raise _cannot_edit(failed.problem) from None
    except QueueFull as full:
        raise _queue_full(full) from None


def no_image(image: str) -> ServiceError:
    """The error for an image id that nobody was given, or whose image is gone."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no image '{image}'; it may have been deleted.")


def no_job(job_id: str) -> ServiceError:
    """The error for a job id that nobody was given, or whose job is forgotten."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no job '{job_id}'; it may have expired.")


def _model(store: Store, asked: str | None) -> tuple[str, ModelInfo | None]:
    """The name of the model to use, and what a live worker has told of it."""
    usual = store.settings.model_name
    served = {model.name: model for model in store.presence.models()}
    if asked is None:
        name = usual if usual in served or len(served) != 1 else next(iter(served))
        return name, served.get(name)
    if asked not in served and asked != usual:
        there = ", ".join(sorted({usual, *served}))
        raise ServiceError(
            ErrorCode.UNKNOWN_MODEL, f"There is no model '{asked}' here; there is: {there}.", value=asked
        )
    return asked, served.get(asked)


def _cannot_edit(cause: Problem) -> ServiceError:
    detail = f"The inversion of the image failed: {cause.detail}"
    # A cause that was the service's own fault then is still a conflict with the image's state now.
    status = cause.status if cause.status < 500 else ErrorCode.CONFLICT.http_status
    return ServiceError.of(cause.model_copy(update={"detail": detail, "status": status}))


def _queue_full(full: QueueFull) -> ServiceError:
    return ServiceError(ErrorCode.QUEUE_FULL, f"{full}.", {"Retry-After": str(full.retry_after_s)})


def _accepted(submission: Submission, warnings: Sequence[Notice] = ()) -> Accepted:
    return Accepted(
        job_id=submission.job_id,
        image_id=submission.image_id,
        status=submission.status,
        inversion=submission.inversion,
        links=Links.of(submission.job_id, submission.image_id),
        warnings=list(warnings),
    )
