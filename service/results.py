"""Results that become images of their own, to be edited further."""

from urllib.parse import urlsplit

from api_schemas import (
    Accepted,
    EditResult,
    ErrorCode,
    FieldError,
    Image,
    InversionChoice,
    InvertOptions,
    JobResult,
    Problem,
    ResultRequest,
)
from parameters import INVERSIONS
from service import uploads
from service.errors import ServiceError
from service.inversions import chosen
from service.submit import no_image, no_job, submit_upload
from store import Ask, BlobMissing, Store


def submit_result(store: Store, request: ResultRequest, ask: Ask) -> Accepted:
    """Make a picture of an edit an image of its own, value by value, and queue its inversion.

    It is inverted as the edited image was, or as images usually are if that was painted. Raises ServiceError:
    not_found, conflict (the job has no pictures, or not yet), validation_error, and what `submit_upload`
    raises.
    """
    key, options = _named(store, request, ask.tenant)
    try:
        png = store.blobs.picture(key)
    except BlobMissing:
        raise ServiceError(ErrorCode.NOT_FOUND, f"There is no picture '/{key}'.") from None
    return submit_upload(store, options, lambda: uploads.kept(png), ask)


def _named(store: Store, request: ResultRequest, tenant: str) -> tuple[str, InvertOptions]:
    """The storage key of the picture, and how it is to be inverted."""
    wanted = request.from_result
    if isinstance(wanted, str):
        key = _key(wanted)
        options = _like(_image(store, key.split("/")[1], tenant), InversionChoice(prompt=request.prompt))
    else:
        result, url, prompt = _picture(store, wanted, tenant)
        made = result.inversion
        known = {} if made is None else made.model_dump(include={"method", "steps", "params"})
        choice = InversionChoice(**known, prompt=prompt if request.prompt is None else request.prompt)
        key, options = _key(url), _like(_image(store, result.image_id, tenant), choice)
    return key, options.model_copy(update={"webhook_url": request.webhook_url})


def _like(image: Image, choice: InversionChoice) -> InvertOptions:
    """How the edited image was inverted, or by the usual method if it was painted."""
    if INVERSIONS[choice.method or image.method].paints:
        prompt = image.prompt if choice.prompt is None else choice.prompt
        return InvertOptions(prompt=prompt, steps=image.steps, model=image.model)
    return chosen(image, choice)


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


def _key(url: str) -> str:
    """As it is stored, whatever the prefix before it and the format after."""
    file = urlsplit(url).path.rpartition("/images/")[2]
    return f"images/{file.rpartition('.')[0]}.png"
