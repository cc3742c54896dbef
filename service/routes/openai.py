"""Images as OpenAI's API has them, for tools that already speak it; what it cannot do is refused in its form.

https://platform.openai.com/docs/api-reference/images. Beside its fields there are `source_prompt`, which says
what a picture shows and without which nothing can be edited by word, and `seed`.
"""

import base64
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from time import monotonic, time
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from api_schemas import (
    Accepted,
    EditResult,
    EditUpload,
    ErrorCode,
    GenerateRequest,
    Job,
    ModelInfo,
    Resolution,
)
from parameters import EditParameters, PlugAndPlay
from service import formats, forms, uploads
from service.auth import Gate
from service.bodies import DECODERS, declared_size, read_json
from service.conversions import Conversions
from service.errors import RETRY_AFTER_S, ServiceError
from service.following import Follower
from service.generating import submit_generate
from service.idempotency import once
from service.models import meant
from service.openai_form import Asked, Edit, Generation, Route, refused, valid
from service.pulse import Pulse
from service.request_headers import Terms, TheTerms
from service.routes.common import TheFollower, TheSettings, TheStore
from service.security import UPLOAD_BYTES
from service.settings import ServiceSettings
from service.spooling import InFlight
from service.submit import submit_edit_upload
from store import Store, keys
from store.keys import SUFFIXES

_FIELDS = 32
LONGEST_S = 24 * 3600.0  # a client ends the wait before that by closing its connection
_PICTURES = ("image", "image[]", "mask")

router = APIRouter(prefix="/v1", route_class=Route, include_in_schema=False)


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
    asked = await read_json(request, Generation)
    width, height = asked.sides or (None, None)
    fields = {"prompt": asked.prompt, "model": asked.model, "width": width, "height": height}
    wanted = [valid(GenerateRequest, {**fields, "seed": asked.seed + at}) for at in range(asked.n)]

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
) -> tuple[Edit, Accepted]:
    """The edit that the body asks for, and its job; of the body's pictures nothing stays in memory."""
    in_flight: InFlight = request.app.state.in_flight
    pulse: Pulse = request.app.state.pulse
    with in_flight.held(terms.caller.tenant, declared_size(request)):
        async with forms.form(request, _PICTURES, _FIELDS) as form:
            asked, image, clear = _read(form.multi_items())

            def submit() -> Accepted:
                pulse.check()
                data, transparent = image.file.read(), None if clear is None else clear.file.read()
                upload = _upload(asked, data, settings.max_pixels, meant(store, asked.model).info)
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


def _read(fields: Sequence[tuple[str, Any]]) -> tuple[Edit, UploadFile, UploadFile | None]:
    """What is asked, the picture, and the mask if there is one."""
    pictures = [value for name, value in fields if name in ("image", "image[]")]
    masks = [value for name, value in fields if name == "mask"]
    if len(masks) > 1 or not all(isinstance(mask, UploadFile) for mask in masks):
        raise refused("mask", "send the file of one mask, transparent where the picture is to change")
    if len(pictures) != 1 or not isinstance(pictures[0], UploadFile):
        raise refused("image", "send the file of one picture")
    texts: dict[str, Any] = {}
    for name, value in fields:
        if name in texts:
            raise refused(name, "the field is there more than once")
        if name not in _PICTURES:
            texts[name] = value
    return valid(Edit, texts), pictures[0], masks[0] if masks else None


def _upload(asked: Edit, data: bytes, pixels: int, model: ModelInfo | None) -> EditUpload:
    """The edit in the words of `/edit`; without a source prompt by Plug-and-Play, if the model can do it."""
    if asked.sides is not None:
        there = uploads.read(data, pixels=pixels).image.size
        if asked.sides != there:
            raise refused("size", f"an edit has the size of its picture: 'auto' or '{there[0]}x{there[1]}'")
    fields = {name: getattr(asked, name) for name in ("prompt", "source_prompt", "model", "seed")}
    how = {} if asked.source_prompt or not _can(model, PlugAndPlay) else {"method": PlugAndPlay.name}
    return valid(EditUpload, {**fields, **how, "image": "a file", "resolution": Resolution.SOURCE})


def _can(model: ModelInfo | None, method: type[EditParameters]) -> bool:
    """Whether a model offers what a method needs, as far as its workers say."""
    offers = None if model is None else model.offers
    return offers is None or method.needs_of_model <= set(offers)


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
    asked: Asked,
    made: Sequence[str],
) -> Response:
    data = [await _picture(request, store, settings, terms, asked, key) for key in made]
    answer = {"created": int(time()), "data": data, "output_format": asked.output_format.value}
    return Response(json.dumps(answer), media_type="application/json")


async def _picture(
    request: Request, store: Store, settings: ServiceSettings, terms: Terms, asked: Asked, key: str
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
