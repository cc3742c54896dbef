"""From an accepted request to a queued job."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from api_schemas import (
    MASK_PATH,
    Accepted,
    Chosen,
    EditOptions,
    EditRequest,
    EditResult,
    EditUpload,
    ErrorCode,
    ImageStatus,
    InvertOptions,
    JobKind,
    JobStatus,
    Links,
    ModelInfo,
    Notice,
    Problem,
)
from parameters import INVERSIONS
from pictures import STORED_PIXELS, bands
from service import knowing, uploads
from service.checks import check_edit, check_inversion, check_sendable
from service.choosing import Settled, settle
from service.errors import ServiceError
from service.inversions import chosen, described, of_region, pinned
from store import (
    Ask,
    BlobMissing,
    How,
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

_LOOKED_AT: Final = 50


def submit_invert(store: Store, options: InvertOptions, data: bytes, ask: Ask, pixels: int) -> Accepted:
    """Keep the image, scaled to at most so many `pixels`, and queue its inversion or answer from a known one.

    Raises ServiceError: what `uploads.read` and `check_inversion` raise, unknown_model, insufficient_storage,
    queue_full.
    """
    return submit_upload(store, options, lambda: uploads.read(data, fit=options.fit, pixels=pixels), ask)


def submit_upload(
    store: Store, options: InvertOptions, read: Callable[[], uploads.Upload], ask: Ask
) -> Accepted:
    """As `submit_invert`, of an image that is read once the options are found to be good."""
    model, told = model_of(store, options.model)
    check_sendable(options.method)
    check_inversion(options, None if told is None else told.token_limit)
    upload = read()
    options = of_region(options, options.region, upload.image.size)
    image = image_id(bands(upload.image), upload.image.size, ask.tenant)
    ask = replace(ask, warnings=(*upload.warnings, *knowing.doubts(told, [options.prompt])))
    return accepted(_inverting(store, image, upload, options, model, ask), ask.warnings)


def submit_edit_upload(
    store: Store, asked: EditUpload, data: bytes, ask: Ask, pixels: int, mask: bytes | None = None
) -> Accepted:
    """Keep a picture, queue its inversion unless that is known, and its edit, or answer from a known one.

    Raises ServiceError: what `submit_invert` and `submit_edit` raise, but for not_found.
    """
    model, told = model_of(store, asked.model)
    options = described(asked, model)
    check_sendable(options.method, "inversion.method")
    settled = settle(asked, options, told, mask is not None)
    asked, ask = _as_upload(asked, settled), settled.told(ask)
    options = described(asked, model)
    check_all(store, options, asked, "source_prompt")
    upload = uploads.read(data, fit=asked.fit, pixels=pixels)
    return edit_picture(store, asked, options, upload, ask, mask, pixels)


def edit_picture(
    store: Store,
    asked: EditOptions,
    options: InvertOptions,
    upload: uploads.Upload,
    ask: Ask,
    mask: bytes | None,
    pixels: int,
) -> Accepted:
    """As `submit_edit_upload`, of a picture that was read and options that are known to be good."""
    model, told = model_of(store, options.model)
    options = of_region(options, asked.region, upload.image.size)
    image = image_id(bands(upload.image), upload.image.size, ask.tenant)
    fields = {name: getattr(asked, name) for name in EditOptions.model_fields}
    request = pinned(EditRequest.model_construct(**{**fields, "image_id": image}), options)
    sent_mask = _read_mask(store, request, mask, upload.image.size, options.fit, pixels)
    _check_meets(sent_mask, options.region, asked)
    request = _masked(request, sent_mask)
    doubts = knowing.doubts(told, [options.prompt, *_prompts(asked)])
    warnings = (*upload.warnings, *ask.warnings, *doubts)
    there = store.images.get(image, ask.tenant)
    if there is not None and asked.webhook_url is None:  # a job that has ended calls nobody any more
        known = _known(store, request, ask.tenant)
        if known is not None:
            return accepted(known, warnings, ask.chosen)
    wanted = record_id(image, options)
    inversions = [] if there is None else there.inversions
    if not any(each.id == wanted and each.status is not ImageStatus.FAILED for each in inversions):
        before = replace(ask, job_id=None, warnings=tuple(upload.warnings), chosen=None)
        _inverting(store, image, upload, options, model, before)
    return _editing(store, request, options, replace(ask, warnings=warnings), sent_mask)


def check_all(store: Store, options: InvertOptions, asked: EditOptions, name: str) -> None:
    """Raise ServiceError if the inversion or the edit of it can only fail; `name` is of the source prompt."""
    _, told = model_of(store, options.model)
    check_inversion(options, None if told is None else told.token_limit, name)
    check_edit(options, asked, told)


def _inverting(
    store: Store, image: str, upload: uploads.Upload, options: InvertOptions, model: str, ask: Ask
) -> Submission:
    def queue() -> Submission:
        if not store.blobs.whole(keys.source(image)):
            store.blobs.put(keys.source(image), upload.png)
        width, height = upload.image.size
        return store.jobs.submit_invert(image, options, model=model, width=width, height=height, ask=ask)

    return making(store, image, options.model_copy(update={"model": model}), queue)


def making(store: Store, image: str, options: InvertOptions, queue: Callable[[], Submission]) -> Submission:
    """What `queue` gives for an inversion of the image; one whose pictures are damaged is made again.

    Raises ServiceError: insufficient_storage, queue_full.
    """
    try:
        with store.files(image):
            record = record_id(image, options)
            shown = [keys.working(image, record), keys.reconstruction(image, record)]
            if INVERSIONS[options.method].paints:
                shown.append(keys.source(image))
            if store.jobs.is_made(image, record) and not all(map(store.blobs.whole, shown)):
                store.jobs.unmake(image, record)
            return queue()
    except StorageFull:
        raise ServiceError(
            ErrorCode.INSUFFICIENT_STORAGE, "There is no room left to keep the image."
        ) from None
    except QueueFull as full:
        store.sweep_image(image)
        raise _queue_full(full) from None


def submit_edit(
    store: Store, request: EditRequest, ask: Ask, mask: bytes | None = None, pixels: int = STORED_PIXELS
) -> Accepted:
    """Queue an edit; it waits for the inversion that it names if that is under way, and else makes it.

    Raises ServiceError: not_found, what `chosen`, `check_inversion`, `check_edit` and `uploads.read_mask`
    raise, queue_full, insufficient_storage, and the inversion's own error if that failed.
    """
    image, model = store.image_and_model(request.image_id, ask.tenant)
    if image is None:
        raise no_image(request.image_id)
    settled = settle(request, chosen(image, request.inversion, request), model, mask is not None)
    request, ask = EditRequest.model_construct(**dict(settled.request)), settled.told(ask)
    inversion = chosen(image, settled.inversion, request)
    inversion = of_region(inversion, request.region, (image.width, image.height))
    wanted = record_id(image.id, inversion)
    for each in image.inversions:
        if each.id == wanted and each.error is not None:
            raise _cannot_edit(each.error)
    check_inversion(inversion, model.token_limit if model is not None else None, "inversion.prompt")
    check_edit(inversion, request, model)
    new = inversion.prompt if request.inversion is not None else None
    doubts = knowing.doubts(model, [*_prompts(request), new])
    ask = replace(ask, warnings=(*ask.warnings, *doubts))
    sent_mask = _read_mask(store, request, mask, (image.width, image.height), image.fit, pixels)
    _check_meets(sent_mask, inversion.region, request)
    return _editing(store, _masked(pinned(request, inversion), sent_mask), inversion, ask, sent_mask)


def _check_meets(mask: bytes | None, region: tuple[int, int, int, int] | None, asked: EditOptions) -> None:
    """Raise ServiceError, empty_mask, if a mask allows nothing within the region."""
    if mask is None or region is None or asked.params.combine_masks != "and":
        return
    if not uploads.opens(mask, region):
        detail = f"mask: it is black in all of the region {list(region)}, where alone the image is edited."
        raise ServiceError(ErrorCode.EMPTY_MASK, detail, parameter="mask")


def _read_mask(
    store: Store,
    request: EditRequest,
    sent: bytes | None,
    size: tuple[int, int],
    fit: str | None,
    pixels: int,
) -> bytes | None:
    """The mask of an edit as it is kept, from what was `sent` or from the path that the request names.

    Raises ServiceError: what `uploads.read_mask` raises, not_found.
    """
    if sent is None and request.mask is None:
        return None
    if sent is None:
        path = re.fullmatch(MASK_PATH, str(request.mask))
        try:
            if path is None or path[2] != request.image_id:
                raise BlobMissing
            sent = store.blobs.picture(path[1])
        except BlobMissing:
            detail = f"mask: there is no mask '{request.mask}' of this image."
            raise ServiceError(ErrorCode.NOT_FOUND, detail, parameter="mask") from None
    return uploads.read_mask(sent, size, fit=fit, pixels=pixels)


def _masked(request: EditRequest, mask: bytes | None) -> EditRequest:
    """The request with its mask named by the path under which it is kept."""
    if mask is None:
        return request
    return request.model_copy(update={"mask": keys.url(keys.mask(request.image_id, mask))})


def _editing(
    store: Store, request: EditRequest, inversion: InvertOptions, ask: Ask, mask: bytes | None
) -> Accepted:
    try:
        if mask is not None:
            _keep_mask(store, request.image_id, mask)
        return accepted(store.jobs.submit_edit(request, inversion, ask=ask), ask.warnings, ask.chosen)
    except NoSuchImage:
        if mask is not None:
            store.sweep_image(request.image_id)
        raise no_image(request.image_id) from None
    except StorageFull:
        raise ServiceError(
            ErrorCode.INSUFFICIENT_STORAGE, "There is no room left to keep the mask."
        ) from None
    except InversionFailed as failed:
        raise _cannot_edit(failed.problem) from None
    except QueueFull as full:
        raise _queue_full(full) from None


def _keep_mask(store: Store, image: str, mask: bytes) -> None:
    key = keys.mask(image, mask)
    with store.files(image):
        if not store.blobs.whole(key):
            store.blobs.put(key, mask)


def _as_upload(asked: EditUpload, settled: Settled) -> EditUpload:
    """The request with its method settled; what its picture shows is said once, beside the inversion."""
    choice = settled.inversion
    inversion = None if choice is None else choice.model_copy(update={"prompt": None})
    return EditUpload.model_construct(**{**dict(settled.request), "inversion": inversion})


def _prompts(request: EditOptions) -> list[str | None]:
    """All that the request says in words."""
    return [*request.targets, request.negative_prompt, *request.params.prompts.values()]


def _known(store: Store, request: EditRequest, tenant: str) -> Submission | None:
    """The job that has made the very same edit."""
    wanted = request.model_dump(mode="json", exclude={"webhook_url"})
    done, _ = store.jobs.page(
        tenant, limit=_LOOKED_AT, status=JobStatus.SUCCEEDED, kind=JobKind.EDIT, image_id=request.image_id
    )
    for job in done:
        if {name: value for name, value in job.request.items() if name != "webhook_url"} == wanted:
            assert isinstance(job.result, EditResult)
            if job.result.inversion is not None:
                return Submission(
                    job_id=job.id,
                    image_id=job.image_id,
                    inversion=job.result.inversion,
                    status=job.status,
                    how=How.CACHED,
                )
    return None


def no_image(image: str) -> ServiceError:
    """The error for an image id that nobody was given, or whose image is gone."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no image '{image}'; it may have been deleted.")


def no_job(job_id: str) -> ServiceError:
    """The error for a job id that nobody was given, or whose job is forgotten."""
    return ServiceError(ErrorCode.NOT_FOUND, f"There is no job '{job_id}'; it may have expired.")


def model_of(store: Store, asked: str | None) -> tuple[str, ModelInfo | None]:
    """The name of the model to use, and what a live worker published about it."""
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
