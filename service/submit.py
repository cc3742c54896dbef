"""From an accepted edit to its queued job."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Final

from api_schemas import (
    Accepted,
    EditOptions,
    EditRequest,
    EditResult,
    EditUpload,
    InvertOptions,
    JobKind,
    JobStatus,
)
from pictures import STORED_PIXELS, bands
from service import knowing, masks, uploads
from service.answers import accepted, cannot_edit, no_image, no_room, queue_full
from service.checks import check_edit, check_inversion, check_sendable
from service.choosing import Settled, settle
from service.errors import ServiceError
from service.inversions import chosen, described, of_region, pinned
from service.inverting import keep
from service.models import Meant, meant
from store import (
    Ask,
    How,
    InversionFailed,
    NoSuchImage,
    QueueFull,
    StorageFull,
    Store,
    StoreError,
    Submission,
    image_id,
    record_id,
)

_LOOKED_AT: Final = 50


def submit_edit_upload(
    store: Store, asked: EditUpload, data: bytes, ask: Ask, pixels: int, mask: bytes | None = None
) -> Accepted:
    """Keep a picture, queue its inversion unless that is known, and its edit, or answer from a known one.

    Where there is no room for both in the queue, neither is queued.

    Raises ServiceError: what `submit_invert` and `submit_edit` raise, but for not_found.
    """
    model = meant(store, asked.model)
    options = described(asked, model.name)
    check_sendable(options.method, "inversion.method")
    settled = settle(asked, options, model.info, mask is not None)
    asked, ask = _as_upload(asked, settled), settled.noted(ask)
    options = described(asked, model.name)
    check_both(options, asked, model, "source_prompt", mask is not None)
    upload = uploads.read(data, fit=asked.fit, pixels=pixels)
    return edit_picture(store, asked, options, model, upload, ask, mask, pixels)


def edit_picture(
    store: Store,
    asked: EditOptions,
    options: InvertOptions,
    model: Meant,
    upload: uploads.Upload,
    ask: Ask,
    mask: bytes | None,
    pixels: int,
) -> Accepted:
    """As `submit_edit_upload`, of a picture that was read and options that are known to be good."""
    options = of_region(options, asked.region, upload.image.size)
    image = image_id(bands(upload.image), upload.image.size, ask.tenant)
    fields = {name: getattr(asked, name) for name in EditOptions.model_fields}
    request = pinned(EditRequest.model_construct(**{**fields, "image_id": image}), options)
    sent_mask = masks.read(store, request, mask, upload.image.size, options.fit, pixels)
    masks.check_open(sent_mask, options, asked, model.info)
    request = masks.named(request, sent_mask)
    doubts = knowing.doubts(model.info, [options.prompt, *_prompts(asked)])
    warnings = (*upload.warnings, *ask.warnings, *doubts)
    if asked.webhook_url is None:  # a job that has ended calls none any more
        known = _known(store, request, ask.tenant)
        if known is not None:
            return accepted(known, warnings, ask.chosen)
    its = replace(ask, job_id=None, warnings=tuple(upload.warnings), chosen=None)
    ask = replace(ask, warnings=warnings)
    width, height = upload.image.size

    def queue() -> Submission:
        return store.jobs.submit_both(
            request,
            options,
            width=width,
            height=height,
            chosen=ask.chosen is not None and not ask.chosen.kept,
            ask=ask,
            its=its,
        )

    return _queued(store, image, ask, queue, upload, sent_mask)


def check_both(options: InvertOptions, asked: EditOptions, model: Meant, name: str, masked: bool) -> None:
    """Raise ServiceError if the inversion or the edit of it can only fail; `name` is of the source prompt.

    `masked` says that a mask was sent beside the request.
    """
    check_inversion(options, model.info, name)
    check_edit(options, asked, model.info, masked)


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
    request, ask = EditRequest.model_construct(**dict(settled.request)), settled.noted(ask)
    inversion = chosen(image, settled.inversion, request)
    inversion = of_region(inversion, request.region, (image.width, image.height))
    wanted = record_id(image.id, inversion)
    for each in image.inversions:
        if each.id == wanted and each.error is not None:
            raise cannot_edit(each.error)
    check_inversion(inversion, model, "inversion.prompt")
    check_edit(inversion, request, model, mask is not None)
    new = inversion.prompt if request.inversion is not None else None
    doubts = knowing.doubts(model, [*_prompts(request), new])
    ask = replace(ask, warnings=(*ask.warnings, *doubts))
    sent_mask = masks.read(store, request, mask, (image.width, image.height), image.fit, pixels)
    masks.check_open(sent_mask, inversion, request, model)
    request = masks.named(pinned(request, inversion), sent_mask)

    def queue() -> Submission:
        return store.jobs.submit_edit(request, inversion, ask=ask)

    return _queued(store, image.id, ask, queue, None, sent_mask)


def _queued(
    store: Store,
    image: str,
    ask: Ask,
    queue: Callable[[], Submission],
    upload: uploads.Upload | None,
    mask: bytes | None,
) -> Accepted:
    """The answer to what `queue` queues, for which the picture and the mask are kept unless it is refused."""
    writes = upload is not None or mask is not None
    try:
        with store.files(image) if writes else nullcontext():
            if upload is not None:
                keep(store, image, upload)
            with masks.kept(store, image, mask):
                submission = queue()
    except (NoSuchImage, StorageFull, InversionFailed, QueueFull) as refused:
        if writes:
            store.sweep_image(image)
        raise _refusal(image, refused, "mask" if upload is None else "image") from None
    return accepted(submission, ask.warnings, ask.chosen)


def _refusal(image: str, refused: StoreError, kept: str) -> ServiceError:
    match refused:
        case InversionFailed():
            return cannot_edit(refused.problem)
        case QueueFull():
            return queue_full(refused)
        case StorageFull():
            return no_room(kept)
    return no_image(image)


def _as_upload(asked: EditUpload, settled: Settled) -> EditUpload:
    """The request with its method settled; its source prompt stands beside the inversion, not in it."""
    choice = settled.inversion
    inversion = None if choice is None else choice.model_copy(update={"prompt": None})
    return EditUpload.model_construct(**{**dict(settled.request), "inversion": inversion})


def _prompts(request: EditOptions) -> list[str | None]:
    """All prompts of the request."""
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
