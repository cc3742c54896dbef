"""Results that become images of their own, to be edited further."""

from typing import Final

from api_schemas import (
    Accepted,
    EditOptions,
    EditRequest,
    EditResult,
    ErrorCode,
    FieldError,
    Image,
    InversionChoice,
    InvertOptions,
    JobKind,
    JobResult,
    JobStatus,
    Problem,
    ResultRequest,
)
from parameters import INVERSIONS, USUAL
from service import uploads
from service.answers import no_image, no_job
from service.choosing import settle
from service.errors import ServiceError
from service.inversions import chosen
from service.inverting import submit_upload
from service.models import meant
from service.submit import check_both, edit_picture
from store import Ask, BlobMissing, Store, keys

_LOOKED_AT: Final = 200


def submit_result(store: Store, request: ResultRequest, ask: Ask) -> Accepted:
    """Make a picture of an edit an image of its own, value by value, and queue its inversion.

    It is inverted as the edited image was, or as images usually are if that was painted. Raises ServiceError:
    not_found, conflict (the job has no pictures, or not yet), validation_error, and what `submit_upload`
    raises.
    """
    key, options = _named(store, request, ask.tenant)
    upload = _kept(store, key)
    return submit_upload(store, options, lambda: upload, ask)


def submit_edit_of_result(
    store: Store, request: EditRequest, ask: Ask, mask: bytes | None, pixels: int
) -> Accepted:
    """Queue an edit of a picture that an edit made, named by its path, which becomes an image of its own.

    It is inverted as that edit's image was unless the request says otherwise. Raises ServiceError: what
    `submit_result` and `submit_edit_upload` raise.
    """
    key, image = _file(store, request.image_id, ask.tenant)
    given = (request.inversion or InversionChoice()).model_dump(exclude_none=True)
    made = _made(store, image.id, key, ask.tenant).model_dump(exclude_none=True)
    if given.get("method", made.get("method")) != made.get("method"):
        made.pop("params", None)
    choice = InversionChoice(**{**made, **given})
    if choice.prompt is None:
        raise _undescribed("inversion.prompt")
    options = _like(image, choice, request)
    model = meant(store, options.model)
    settled = settle(request, options, model.info, mask is not None)
    request, ask = EditRequest.model_construct(**dict(settled.request)), settled.noted(ask)
    options = _like(image, settled.inversion or choice, request)
    check_both(options, request, model, "inversion.prompt", mask is not None)
    return edit_picture(store, request, options, model, _kept(store, key), ask, mask, pixels)


def _made(store: Store, image: str, key: str, tenant: str) -> InversionChoice:
    """The prompt that a picture was made by, and the inversion that it was made from; empty if not known."""
    jobs, _ = store.jobs.page(
        tenant, limit=_LOOKED_AT, status=JobStatus.SUCCEEDED, kind=JobKind.EDIT, image_id=image
    )
    for job in jobs:
        assert isinstance(job.result, EditResult)
        for each in job.result.images:
            if key in {_key(url) for url in (each.url, each.full_url, each.model_url)}:
                return _as_made(job.result, each.prompt)
    return InversionChoice()


def _as_made(result: EditResult, prompt: str) -> InversionChoice:
    made = result.inversion
    if made is None:
        return InversionChoice(prompt=prompt)
    if result.chosen and not result.chosen.kept:
        return InversionChoice(method=USUAL, steps=made.steps, prompt=prompt)
    return InversionChoice(method=made.method, steps=made.steps, params=made.params, prompt=prompt)


def _kept(store: Store, key: str) -> uploads.Upload:
    try:
        return uploads.kept(store.blobs.picture(key))
    except BlobMissing:
        raise ServiceError(ErrorCode.NOT_FOUND, f"There is no picture '/{key}'.") from None


def _named(store: Store, request: ResultRequest, tenant: str) -> tuple[str, InvertOptions]:
    """The storage key of the picture, and how it is to be inverted."""
    wanted = request.from_result
    if isinstance(wanted, str):
        key, image = _file(store, wanted, tenant)
        choice = _made(store, image.id, key, tenant)
    else:
        result, url, prompt = _picture(store, wanted, tenant)
        key, image = _file(store, url, tenant)
        choice = _as_made(result, prompt)
    if request.prompt is not None:
        choice = choice.model_copy(update={"prompt": request.prompt})
    if choice.prompt is None:
        raise _undescribed("prompt")
    options = _like(image, choice)
    return key, options.model_copy(update={"webhook_url": request.webhook_url})


def _undescribed(name: str) -> ServiceError:
    message = "say what the picture shows; the edit that made it is not known any more"
    field = FieldError(loc=["body", *name.split(".")], msg=message, type="missing")
    return ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, f"{name}: {message}", errors=[field]))


def _like(image: Image, choice: InversionChoice, edit: EditOptions | None = None) -> InvertOptions:
    """How the edited image was inverted, or by the usual method if it was painted."""
    if INVERSIONS[choice.method or image.method].paints:
        prompt = image.prompt if choice.prompt is None else choice.prompt
        return InvertOptions(prompt=prompt, steps=image.steps, model=image.model)
    return chosen(image, choice, edit)


def _picture(store: Store, wanted: JobResult, tenant: str) -> tuple[EditResult, str, str]:
    job = store.jobs.get(wanted.job_id, tenant)
    if job is None:
        raise no_job(wanted.job_id)
    if not isinstance(job.result, EditResult):
        raise ServiceError(
            ErrorCode.CONFLICT, f"The job '{job.id}' is {job.kind}, {job.status}: it has no edited picture."
        )
    if wanted.index >= len(job.result.images):
        message = f"the job has {len(job.result.images)} pictures, counted from 0"
        field = FieldError(loc=["body", "from_result", "index"], msg=message, type="index")
        detail = f"from_result.index: {message}"
        raise ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, detail, errors=[field]))
    made = job.result.images[wanted.index]
    return job.result, made.full_url or made.url, made.prompt


def _image(store: Store, image_id: str, tenant: str) -> Image:
    image = store.images.get(image_id, tenant)
    if image is None:
        raise no_image(image_id)
    return image


def _file(store: Store, url: str, tenant: str) -> tuple[str, Image]:
    """The storage key of a picture that an edit made, and the image that it was made of."""
    file = keys.of_url(url)
    assert file is not None, "the request was read by the same pattern"
    return file.key, _image(store, file.image_id, tenant)


def _key(url: str | None) -> str | None:
    file = None if url is None else keys.of_url(url)
    return None if file is None else file.key
