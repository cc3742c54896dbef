"""Request bodies: read strictly, whatever their form, into the requests of `api_schemas`."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import IO, Any, Generic, NamedTuple, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from api_schemas import EditRequest, EditUpload, ErrorCode, FieldError, InvertRequest, Problem
from service import forms
from service.documents import check_names, unmarked
from service.errors import ServiceError, validation_problem
from service.security import JSON_BYTES, UPLOAD_BYTES
from service.spooling import DataUrlError, Held, InFlight, decode, decode_base64, split, spooled
from store import keys

Model = TypeVar("Model", bound=BaseModel)
Asked = TypeVar("Asked", bound=BaseModel)

# Decoding a large picture takes much memory and a core: the other requests keep their threads meanwhile.
DECODERS = CapacityLimiter(2)

_MULTIPART = "multipart/form-data"
_FIELDS = 24
_JSON_FIELDS = {"inversion", "prompts", "region"}
_OR_TEXT = {"region"}
_PROMPTS = ("prompt", "source_prompt")
_FILES = ("image", "mask")


class Body(NamedTuple, Generic[Asked]):
    """What a POST asks for, and how to read its picture and its mask, in a thread, if it has them."""

    asked: Asked
    read: Callable[[], bytes] | None
    read_mask: Callable[[], bytes] | None = None


async def read_json(request: Request, model: type[Model]) -> Model:
    """The JSON body as this model; numbers in quotes and the like are refused.

    Raises ServiceError: unsupported_media_type, validation_error.
    """
    if not _is_json(request):
        raise _media_type("application/json")
    return _validated(model, unmarked(await request.body()))


def declared_size(request: Request) -> int:
    """The bytes of a body by its Content-Length; without one, the most that a body may have."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else UPLOAD_BYTES


def invert_body(
    request: Request, in_flight: InFlight, who: str
) -> AbstractAsyncContextManager[Body[InvertRequest]]:
    """The body of a POST to /invert, as `_body` reads it."""
    return _body(request, in_flight, who, lambda _: InvertRequest)


def edit_body(
    request: Request, in_flight: InFlight, who: str
) -> AbstractAsyncContextManager[Body[EditRequest | EditUpload]]:
    """The body of a POST to /edit, as `_body` reads it: it names an image or brings one."""
    return _body(request, in_flight, who, lambda names: EditUpload if "image" in names else EditRequest)


@asynccontextmanager
async def _body(
    request: Request, in_flight: InFlight, who: str, model: Callable[[Collection[str]], type[Asked]]
) -> AsyncIterator[Body[Asked]]:
    """A body that is a form or JSON, on disk while entered; it counts as in flight for `who`.

    `model` says by the names of its fields what it is. Raises ServiceError: unsupported_media_type,
    validation_error, overloaded, insufficient_storage.
    """
    form = _content_type(request) == _MULTIPART
    if not form and not _is_json(request):
        raise _media_type(f"{_MULTIPART} or application/json")
    size = declared_size(request)
    with in_flight.held(who, size):
        if form:
            async with forms.form(request, _FILES, _FIELDS) as fields:
                yield _read_form(fields, model)
        else:
            async with spooled(request.stream()) as file:
                limiter = DECODERS if size > JSON_BYTES else None  # small ones never wait for large ones
                yield await to_thread.run_sync(_read_spooled, file, model, limiter=limiter)


def _read_spooled(file: IO[bytes], model: Callable[[Collection[str]], type[Asked]]) -> Body[Asked]:
    parts = split(file)
    parts = parts._replace(body=unmarked(parts.body))
    if not parts.held and len(parts.body) > JSON_BYTES:
        detail = f"A body without a picture may have {JSON_BYTES} bytes; this one has {len(parts.body)}."
        raise ServiceError(ErrorCode.PAYLOAD_TOO_LARGE, detail)
    asked, held = _validated(model(_names(parts.body)), parts.body), parts.held
    if any(getattr(asked, name, None) != each.placeholder for name, each in held.items()):
        file.seek(0)  # a picture was not where it was taken from
        whole = unmarked(file.read())
        asked, held = _validated(model(_names(whole)), whole), {}

    def reading(name: str) -> Callable[[], bytes] | None:
        sent: str | None = getattr(asked, name, None)
        if sent is None or (name == "mask" and keys.of_url(sent)):
            return None
        return lambda: _decoded(name, file, held.get(name), sent)

    return Body(asked, reading("image"), reading("mask"))


def _decoded(name: str, file: IO[bytes], held: Held | None, sent: str) -> bytes:
    """The bytes of a picture that a field of JSON holds; raises ServiceError: validation_error."""
    try:
        if held is not None:
            return decode(file, held)
        return decode_base64([sent.encode().translate(None, b" \t\r\n")])
    except DataUrlError:
        raise _invalid(name, "a data URL must have the form data:image/png;base64,...", "data_url") from None
    except ValueError:
        form = "not valid base64" if name != "mask" else "neither valid base64 nor the path of a mask"
        raise _invalid(name, form, "base64") from None


def _read_form(form: FormData, model: Callable[[Collection[str]], type[Asked]]) -> Body[Asked]:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in fields:
            raise _invalid(name, "the field is there more than once", "duplicate")
        fields[name] = value
    kind = model(fields)
    files = {name: value for name, value in fields.items() if isinstance(value, UploadFile)}
    if "image" in kind.model_fields and "image" not in files:
        raise _invalid("image", "a file is needed here", "missing")
    for name in files.keys() - _FILES:
        raise _invalid(name, f"only {' and '.join(_FILES)} are files", "unexpected_file")
    # A browser sends every field of its form; one that was left empty was not filled in.
    given = {
        name: "a file" if name in files else value
        for name, value in fields.items()
        if value != "" or name in _PROMPTS
    }
    try:
        asked = kind.model_validate(_unpacked(given))
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None
    path = None if "mask" in files else getattr(asked, "mask", None)
    if path is not None and keys.of_url(path) is None:
        raise _invalid("mask", "give a file here, or the path of a mask as an answer names it", "mask")
    read = {name: file.file.read for name, file in files.items()}
    return Body(asked, read.get("image"), read.get("mask"))


def _unpacked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with what came as JSON read; `params` is read where its model is known."""
    found = dict(fields)
    if "params" in found:
        check_names(found["params"])
    for name in _JSON_FIELDS & fields.keys():
        check_names(found[name])
        try:
            found[name] = json.loads(found[name])
        except ValueError:
            if name not in _OR_TEXT:
                raise _invalid(name, "this field of a form holds JSON", "json_invalid") from None
    return found


def _names(body: bytes) -> Collection[str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    return found if isinstance(found, dict) else ()


def _validated(model: type[Model], body: bytes) -> Model:
    check_names(body)
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
