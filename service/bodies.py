"""Request bodies: read strictly, whatever their form, into the requests of `api_schemas`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, Any, NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from api_schemas import ErrorCode, FieldError, InvertOptions, InvertRequest, Problem
from service.edge import UPLOAD_BYTES
from service.errors import ServiceError, validation_problem
from service.spooling import DataUrlError, InFlight, decode, decode_base64, split, spooled

Model = TypeVar("Model", bound=BaseModel)

# Decoding a large picture takes much memory and a core: the other requests keep their threads meanwhile.
DECODERS = CapacityLimiter(2)

_MULTIPART = "multipart/form-data"
_TEXT_FIELDS = 16


class InvertBody(NamedTuple):
    """What a POST to /invert asks for, and how to get at the bytes of its picture, in a thread."""

    options: InvertOptions
    read: Callable[[], bytes]


async def read_json(request: Request, model: type[Model]) -> Model:
    """The JSON body as this model; numbers in quotes and the like are refused.

    Raises ServiceError: unsupported_media_type, validation_error.
    """
    if not _is_json(request):
        raise _media_type("application/json")
    return _validated(model, await request.body())


@asynccontextmanager
async def invert_body(request: Request, in_flight: InFlight, who: str) -> AsyncIterator[InvertBody]:
    """The body of a POST to /invert, a form or JSON, on disk while entered; it counts as in flight for `who`.

    Raises ServiceError: unsupported_media_type, validation_error, overloaded, insufficient_storage.
    """
    form = _content_type(request) == _MULTIPART
    if not form and not _is_json(request):
        raise _media_type(f"{_MULTIPART} or application/json")
    declared = request.headers.get("content-length", "")
    with in_flight.held(who, int(declared) if declared.isdecimal() else UPLOAD_BYTES):
        if form:
            async with request.form(max_files=1, max_fields=_TEXT_FIELDS) as fields:
                yield _read_form(fields)
        else:
            async with spooled(request.stream()) as file:
                yield await to_thread.run_sync(_read_spooled, file, limiter=DECODERS)


def _read_spooled(file: IO[bytes]) -> InvertBody:
    parts = split(file)
    asked = _validated(InvertRequest, parts.body)
    if asked.image != parts.placeholder:  # the picture was not where it was taken from
        file.seek(0)
        asked = _validated(InvertRequest, file.read())
        image = asked.image.encode()

    def read() -> bytes:
        try:
            if asked.image == parts.placeholder:
                return decode(file, parts)
            return decode_base64([image.translate(None, b" \t\r\n")])
        except DataUrlError:
            message = "a data URL must have the form data:image/png;base64,..."
            raise _invalid("image", message, "data_url") from None
        except ValueError:
            raise _invalid("image", "not valid base64", "base64") from None

    options = {name: getattr(asked, name) for name in InvertOptions.model_fields}
    return InvertBody(InvertOptions.model_construct(**options), read)


def _read_form(form: FormData) -> InvertBody:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in fields:
            raise _invalid(name, "the field is there more than once", "duplicate")
        fields[name] = value
    image = fields.pop("image", None)
    if not isinstance(image, UploadFile):
        raise _invalid("image", "a file is needed here", "missing")
    for name, value in fields.items():
        if isinstance(value, UploadFile):
            raise _invalid(name, "only 'image' is a file", "unexpected_file")
    # A browser sends every field of its form; one that was left empty was not filled in.
    given = {name: value for name, value in fields.items() if value != "" or name == "prompt"}
    try:
        return InvertBody(InvertOptions.model_validate(given), image.file.read)
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


def _validated(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_json(request: Request) -> bool:
    return _content_type(request) == "application/json"


def _media_type(expected: str) -> ServiceError:
    return ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"Send the body as {expected}.")


def _invalid(field: str, message: str, kind: str) -> ServiceError:
    problem = Problem.of(
        ErrorCode.VALIDATION_ERROR,
        f"{field}: {message}",
        errors=[FieldError(loc=[field], msg=message, type=kind)],
    )
    return ServiceError.of(problem)
