"""Request bodies: read strictly, whatever their form, into the requests of `api_schemas`."""

import base64
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from api_schemas import ErrorCode, FieldError, InvertOptions, InvertRequest, Problem
from service.errors import ServiceError, validation_problem

Model = TypeVar("Model", bound=BaseModel)

# Decoding a large picture takes much memory and a core: the other requests keep their threads meanwhile.
DECODERS = CapacityLimiter(2)

_MULTIPART = "multipart/form-data"
_TEXT_FIELDS = 16
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


async def read_json(request: Request, model: type[Model]) -> Model:
    """The JSON body as this model; numbers in quotes and the like are refused.

    Raises ServiceError: unsupported_media_type, validation_error.
    """
    if not _is_json(request):
        raise _media_type("application/json")
    body = await request.body()
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


async def read_invert(request: Request) -> tuple[InvertOptions, bytes]:
    """The options and the image's bytes of a POST to /invert, sent as a form or as JSON.

    Raises ServiceError: unsupported_media_type, validation_error.
    """
    if _content_type(request) == _MULTIPART:
        return await _read_form(request)
    if not _is_json(request):
        raise _media_type(f"{_MULTIPART} or application/json")
    asked = await read_json(request, InvertRequest)
    options = {name: getattr(asked, name) for name in InvertOptions.model_fields}
    data = await to_thread.run_sync(_decode, asked.image, limiter=DECODERS)
    return InvertOptions.model_construct(**options), data


async def _read_form(request: Request) -> tuple[InvertOptions, bytes]:
    async with request.form(max_files=1, max_fields=_TEXT_FIELDS) as form:
        fields: dict[str, Any] = {}
        for name, value in form.multi_items():
            if name in fields:
                raise _invalid(name, "the field is there more than once", "duplicate")
            fields[name] = value
        image = fields.pop("image", None)
        if not isinstance(image, UploadFile):
            raise _invalid("image", "a file is needed here", "missing")
        data = await image.read()
        for name, value in fields.items():
            if isinstance(value, UploadFile):
                raise _invalid(name, "only 'image' is a file", "unexpected_file")
    # A browser sends every field of its form; one that was left empty was not filled in.
    given = {name: value for name, value in fields.items() if value != "" or name == "prompt"}
    try:
        return InvertOptions.model_validate(given), data
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


def _decode(text: str) -> bytes:
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise _invalid("image", "a data URL must have the form data:image/png;base64,...", "data_url")
    try:
        packed = text.encode("ascii").translate(_URL_SAFE, b" \t\r\n")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except ValueError:
        raise _invalid("image", "not valid base64", "base64") from None


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
