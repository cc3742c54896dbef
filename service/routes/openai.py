"""Images as OpenAI's API has them, for tools that already speak it; what it cannot do is refused in its form.

https://platform.openai.com/docs/api-reference/images. Beside its fields there are `source_prompt`, which says
what a picture shows and without which nothing can be edited by word, and `seed`.
"""

import base64
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from time import monotonic, time
from typing import Any, Literal, Self, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from api_schemas import (
    Accepted,
    EditResult,
    EditUpload,
    ErrorCode,
    FieldError,
    GenerateRequest,
    Job,
    OutputFormat,
    Problem,
    Resolution,
)
from parameters import PlugAndPlay
from service import formats, forms, uploads
from service.auth import Gate
from service.bodies import DECODERS, declared_size, read_json
from service.conversions import Conversions
from service.errors import RETRY_AFTER_S, ServiceError, validation_problem
from service.following import Follower
from service.generating import submit_generate
from service.idempotency import once
from service.pulse import Pulse
from service.request_headers import Terms, TheTerms
from service.routes.common import TheFollower, TheSettings, TheStore
from service.security import UPLOAD_BYTES
from service.settings import ServiceSettings
from service.spooling import InFlight
from service.submit import submit_edit_upload
from store import Store, keys
from store.keys import SUFFIXES

Model = TypeVar("Model", bound=BaseModel)

_FIELDS = 32
LONGEST_S = 24 * 3600.0  # whoever asks says by leaving for how long to wait
_PICTURES = ("image", "image[]", "mask")
_KEPT = ("retry-after", "www-authenticate")
_CODES = {
    ErrorCode.UNAUTHORIZED: "invalid_api_key",
    ErrorCode.UNKNOWN_MODEL: "model_not_found",
    ErrorCode.RATE_LIMITED: "rate_limit_exceeded",
}
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class _Asked(BaseModel):
    """The fields that both routes have; of those that choose what cannot be chosen, only the usual values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    model: str | None = None
    n: int = Field(default=1, ge=1, le=10)
    size: str = Field(default="auto", pattern=r"^(auto|[0-9]{1,5}x[0-9]{1,5})$")
    seed: int = Field(default=0, ge=0, lt=2**62)
    response_format: Literal["b64_json", "url"] = "b64_json"
    output_format: OutputFormat = OutputFormat.PNG
    output_compression: int | None = Field(default=None, ge=1, le=100)
    user: str | None = None
    safety_identifier: str | None = None
    background: Literal["auto", "opaque"] | None = None
    moderation: Literal["auto", "low"] | None = None
    quality: Literal["auto", "standard"] | None = None
    partial_images: Literal[0] | None = None
    stream: Literal[False] | None = None

    @property
    def sides(self) -> tuple[int, int] | None:
        """The size that was named, in pixels."""
        width, _, height = self.size.partition("x")
        return (int(width), int(height)) if height else None


class _Generation(_Asked):
    """What /v1/images/generations takes."""


class _Edit(_Asked):
    """What /v1/images/edits takes beside its pictures."""

    source_prompt: str = ""
    input_fidelity: Literal["low", "high"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.n > 1:
            raise ValueError(
                "n: an edit is no game of chance, and n of them would be the same picture; ask for 1"
            )
        return self


class _Route(APIRoute):
    """A route that answers every error in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise
            except Exception as error:
                handlers = request.app.exception_handlers
                found = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
                if found is None:
                    raise
                answer: Response = await found(request, error)
                return _in_their_form(answer)

        return handled


router = APIRouter(prefix="/v1", route_class=_Route, include_in_schema=False)


@router.get("/models")
def list_models(store: TheStore) -> dict[str, Any]:
    """The models that live workers serve now."""
    names = [model.name for model in store.presence.models()]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "pentimento"} for name in names]
    return {"object": "list", "data": data}


@router.post("/images/generations")
async def generations(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Paint pictures from a prompt, each from a seed of its own."""
    asked = await read_json(request, _Generation)
    width, height = asked.sides or (None, None)
    fields = {"prompt": asked.prompt, "model": asked.model, "width": width, "height": height}
    wanted = [_valid(GenerateRequest, {**fields, "seed": asked.seed + at}) for at in range(asked.n)]

    def submit() -> list[Accepted]:
        return [_painted(store, terms, each) for each in wanted]

    with _waiting(request, terms):
        jobs = await _ended(request, follower, terms, await to_thread.run_sync(submit))
    return await _answer(request, store, settings, terms, asked, [keys.source(job.image_id) for job in jobs])


def _painted(store: Store, terms: Terms, asked: GenerateRequest) -> Accepted:
    key = None if terms.key is None else f"{terms.key}-{asked.seed}"
    body = b"/v1/generations" + asked.model_dump_json().encode()
    one = replace(terms, key=key)
    return once(store, one, lambda: body, lambda ask: submit_generate(store, asked, ask))[0]


@router.post("/images/edits", max_body_size=UPLOAD_BYTES)
async def edits(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Edit a picture by a prompt: by word where `source_prompt` says what it shows, else by its features."""
    with _waiting(request, terms):
        asked, accepted = await _submitted(request, store, settings, terms)
        (job,) = await _ended(request, follower, terms, [accepted])
    assert isinstance(job.result, EditResult)
    made = job.result.images[0]
    file = keys.of_url(made.full_url or made.url)
    assert file is not None
    return await _answer(request, store, settings, terms, asked, [file.key])


async def _submitted(
    request: Request, store: Store, settings: ServiceSettings, terms: Terms
) -> tuple[_Edit, Accepted]:
    """The edit that the body asks for, and its job; of the body's pictures nothing stays in memory."""
    in_flight: InFlight = request.app.state.in_flight
    pulse: Pulse = request.app.state.pulse
    with in_flight.held(terms.caller.tenant, declared_size(request)):
        async with forms.form(request, _PICTURES, _FIELDS) as form:
            asked, image, clear = _read(form.multi_items())

            def submit() -> Accepted:
                pulse.check()
                data, transparent = image.file.read(), None if clear is None else clear.file.read()
                upload = _upload(asked, data, settings.max_pixels)
                body = b"/v1/edits" + asked.model_dump_json().encode() + b"\0" + data + (transparent or b"")
                mask = None
                if transparent is not None:
                    mask = uploads.open_where_transparent(transparent, settings.max_pixels)
                return once(
                    store,
                    terms,
                    lambda: body,
                    lambda ask: submit_edit_upload(store, upload, data, ask, settings.max_pixels, mask),
                )[0]

            return asked, await to_thread.run_sync(submit, limiter=DECODERS)


def _read(fields: Sequence[tuple[str, Any]]) -> tuple[_Edit, UploadFile, UploadFile | None]:
    """What is asked, the picture, and the mask if there is one."""
    pictures = [value for name, value in fields if name in ("image", "image[]")]
    masks = [value for name, value in fields if name == "mask"]
    if len(masks) > 1 or not all(isinstance(mask, UploadFile) for mask in masks):
        raise _refused("mask", "send the file of one mask, transparent where the picture is to change")
    if len(pictures) != 1 or not isinstance(pictures[0], UploadFile):
        raise _refused("image", "send the file of one picture")
    texts: dict[str, Any] = {}
    for name, value in fields:
        if name in texts:
            raise _refused(name, "the field is there more than once")
        if name not in _PICTURES:
            texts[name] = value
    return _valid(_Edit, texts), pictures[0], masks[0] if masks else None


def _valid(model: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ServiceError.of(validation_problem(error.errors())) from None


def _upload(asked: _Edit, data: bytes, pixels: int) -> EditUpload:
    """The edit in the words of `/edit`."""
    if asked.sides is not None:
        there = uploads.read(data, pixels=pixels).image.size
        if asked.sides != there:
            raise _refused("size", f"an edit has the size of its picture: 'auto' or '{there[0]}x{there[1]}'")
    fields = {name: getattr(asked, name) for name in ("prompt", "source_prompt", "model", "seed")}
    how = {} if asked.source_prompt else {"method": PlugAndPlay.name}
    return _valid(EditUpload, {**fields, **how, "image": "a file", "resolution": Resolution.SOURCE})


def _waiting(request: Request, terms: Terms) -> AbstractContextManager[None]:
    """The place of an answer that is waited for: taken before anything is queued, given back at the end.

    Raises ServiceError: rate_limited.
    """
    gate: Gate = request.app.state.gate
    return gate.streams.held(terms.caller.counted_as)


async def _ended(
    request: Request, follower: Follower, terms: Terms, accepted: Sequence[Accepted]
) -> list[Job]:
    """The jobs once all have ended.

    Raises ClientDisconnect, and ServiceError: what a job failed by, overloaded if the service stops first.
    """
    until, jobs = monotonic() + LONGEST_S, []
    for each in accepted:
        job = await follower.ended(request, each.job_id, terms.ask.tenant, until - monotonic())
        if job is None and await request.is_disconnected():
            raise ClientDisconnect
        if job is None:
            detail = "The service cannot wait longer for the job, which goes on; send the request again."
            raise ServiceError(ErrorCode.OVERLOADED, detail, {"Retry-After": str(RETRY_AFTER_S)})
        if job.error is not None:
            raise ServiceError.of(job.error)
        jobs.append(job)
    return jobs


async def _answer(
    request: Request,
    store: Store,
    settings: ServiceSettings,
    terms: Terms,
    asked: _Asked,
    made: Sequence[str],
) -> Response:
    data = [await _picture(request, store, settings, terms, asked, key) for key in made]
    answer = {"created": int(time()), "data": data, "output_format": asked.output_format.value}
    return Response(json.dumps(answer), media_type="application/json")


async def _picture(
    request: Request, store: Store, settings: ServiceSettings, terms: Terms, asked: _Asked, key: str
) -> dict[str, str]:
    quality = asked.output_compression or formats.QUALITY
    if asked.response_format == "url":
        root = str(request.base_url).rstrip("/") + settings.path_prefix
        suffix = SUFFIXES[asked.output_format]
        return {"url": f"{root}/{key.removesuffix('.png')}.{suffix}?quality={quality}"}
    conversions: Conversions = request.app.state.conversions
    picture = await conversions.convert(
        terms.ask.tenant, lambda: store.blobs.picture(key), asked.output_format, quality, 0
    )
    return {"b64_json": base64.b64encode(picture.data).decode()}


def _refused(name: str, message: str) -> ServiceError:
    errors = [FieldError(loc=[name], msg=message, type="unsupported")]
    return ServiceError.of(Problem.of(ErrorCode.VALIDATION_ERROR, f"{name}: {message}", errors=errors))


def _in_their_form(answer: Response) -> Response:
    problem = Problem.model_validate_json(bytes(answer.body))
    param = problem.parameter or ".".join(
        str(part) for part in (problem.errors[0].loc if problem.errors else ())
    )
    kind = _TYPES.get(problem.status, "server_error" if problem.status >= 500 else "invalid_request_error")
    code = _CODES.get(problem.code, problem.code.value)
    error = {"message": problem.detail, "type": kind, "param": param or None, "code": code}
    # What was sent is wrong: their clients try 409 again, and know 400 of bodies.
    status = 400 if problem.status in (409, 422) else problem.status
    headers = {name: value for name, value in answer.headers.items() if name in _KEPT}
    return Response(json.dumps({"error": error}), status, headers, "application/json")
