"""Asking for inversions and edits."""

import logging
from hashlib import sha256

import structlog
from anyio import to_thread
from fastapi import APIRouter, Request, Response
from redis.exceptions import RedisError

from api_schemas import Accepted, EditRequest, ErrorCode, GenerateRequest, InvertOptions, Job, ResultRequest
from service import openapi
from service.bodies import DECODERS, edit_body, invert_body, read_json
from service.following import Follower
from service.generating import submit_generate
from service.idempotency import REPLAYED, once
from service.inverting import submit_invert
from service.limiting import AtOnce
from service.pulse import Pulse
from service.request_headers import Terms, TheTerms
from service.results import submit_edit_of_result, submit_result
from service.routes.common import TheFollower, TheSettings, TheStore
from service.security import UPLOAD_BYTES
from service.spooling import InFlight
from service.submit import submit_edit, submit_edit_upload
from service.webhooks import check_webhook
from store import Ask, keys

router = APIRouter(tags=["jobs"])

log = logging.getLogger(__name__)

_ANSWERS: dict[int | str, openapi.Json] = {
    200: {
        "model": Job,
        "description": "The job: it ended within `wait`.",
        "headers": openapi.ENDED_HEADERS,
    },
    202: {"headers": openapi.ACCEPTED_HEADERS, "links": openapi.ACCEPTED_LINKS},
}
_REFUSALS = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.UNSUPPORTED_BY_MODEL,
    ErrorCode.PROMPT_TOO_LONG,
    ErrorCode.CONFLICT,
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.RATE_LIMITED,
    ErrorCode.QUEUE_FULL,
    ErrorCode.QUEUE_UNAVAILABLE,
    ErrorCode.OVERLOADED,
    ErrorCode.MODEL_LOADING,
)


def _responses(*codes: ErrorCode) -> dict[int | str, openapi.Json]:
    return {**_ANSWERS, **openapi.repeatable(openapi.problems(*_REFUSALS, *codes))}


@router.post(
    "/invert",
    status_code=202,
    response_model=Accepted,
    summary="Prepare an image for editing",
    max_body_size=UPLOAD_BYTES,
    openapi_extra=openapi.invert_body(),
    responses=_responses(ErrorCode.INVALID_IMAGE, ErrorCode.UNKNOWN_MODEL, ErrorCode.INSUFFICIENT_STORAGE),
)
async def invert(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Send an image and what it shows; the answer names the image, which may be edited at once.

    The same image with the same options always gets the same id and is inverted only once.
    """
    in_flight: InFlight = request.app.state.in_flight
    pulse: Pulse = request.app.state.pulse
    async with invert_body(request, in_flight, terms.caller.tenant) as (asked, read, _):
        options = InvertOptions.model_construct(
            **{name: getattr(asked, name) for name in InvertOptions.model_fields}
        )
        check_webhook(options.webhook_url, settings)

        def submit() -> tuple[Accepted, bool]:
            pulse.check()
            data = read() if read else b""
            return once(
                store,
                terms,
                lambda: b"/invert" + options.model_dump_json().encode() + b"\0" + data,
                lambda ask: submit_invert(store, options, data, ask, settings.max_pixels),
            )

        accepted, replayed = await to_thread.run_sync(submit, limiter=DECODERS)
    return await _answer(request, follower, terms, accepted, replayed)


@router.post(
    "/edit",
    status_code=202,
    response_model=Accepted,
    summary="Edit an image by a target prompt",
    max_body_size=UPLOAD_BYTES,
    openapi_extra=openapi.edit_body(),
    responses=_responses(
        ErrorCode.INVALID_IMAGE,
        ErrorCode.UNKNOWN_MODEL,
        ErrorCode.INSUFFICIENT_STORAGE,
        ErrorCode.NOT_FOUND,
        ErrorCode.UNKNOWN_METHOD,
        ErrorCode.INCOMPATIBLE_INVERSION,
        ErrorCode.RECORD_MISMATCH,
        ErrorCode.UNKNOWN_WORD,
        ErrorCode.PROMPTS_DO_NOT_ALIGN,
        ErrorCode.EMPTY_MASK,
        ErrorCode.DAMAGED,
    ),
)
async def edit(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Name an image and say what it is to show, or send a picture, what it shows and what it is to show.

    The edit waits if the inversion is still under way, and fails with the inversion's error if that fails. A
    picture that is sent again is neither kept nor inverted twice, and the very same edit of it is answered
    with the job that made it.
    """
    in_flight: InFlight = request.app.state.in_flight
    pulse: Pulse = request.app.state.pulse
    async with edit_body(request, in_flight, terms.caller.tenant) as (asked, read, read_mask):
        check_webhook(asked.webhook_url, settings)

        named = asked.image_id if isinstance(asked, EditRequest) else None
        result = None if named is None else keys.of_url(named)
        decodes = read is not None or result is not None or asked.mask is not None

        def submit() -> tuple[Accepted, bool]:
            if decodes:
                pulse.check()
            data, mask = read() if read else b"", read_mask() if read_mask else None
            sent = {"image"} if mask is None else {"image", "mask"}

            def body() -> bytes:
                digest = b"" if mask is None else sha256(mask).digest()
                return b"/edit" + asked.model_dump_json(exclude=sent).encode() + b"\0" + digest + data

            def submitted(ask: Ask) -> Accepted:
                if isinstance(asked, EditRequest):
                    make = submit_edit if result is None else submit_edit_of_result
                    return make(store, asked, ask, mask, settings.max_pixels)
                return submit_edit_upload(store, asked, data, ask, settings.max_pixels, mask)

            return once(store, terms, body, submitted, named if result is None else result.image_id)

        accepted, replayed = await to_thread.run_sync(submit, limiter=DECODERS if decodes else None)
    return await _answer(request, follower, terms, accepted, replayed)


@router.post(
    "/generate",
    status_code=202,
    response_model=Accepted,
    summary="Paint a picture from a prompt",
    openapi_extra=openapi.json_body(GenerateRequest),
    responses=_responses(ErrorCode.UNKNOWN_MODEL, ErrorCode.INSUFFICIENT_STORAGE),
)
async def generate(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Let the model paint a picture; the answer names it as an image, which may be edited at once.

    How it was painted is known exactly, so its edits begin from no approximation. The same request gives the
    same image, which is painted only once.
    """
    asked = await read_json(request, GenerateRequest)
    check_webhook(asked.webhook_url, settings)

    def submit() -> tuple[Accepted, bool]:
        return once(
            store,
            terms,
            lambda: b"/generate" + asked.model_dump_json().encode(),
            lambda ask: submit_generate(store, asked, ask),
        )

    accepted, replayed = await to_thread.run_sync(submit)
    return await _answer(request, follower, terms, accepted, replayed)


@router.post(
    "/images",
    status_code=202,
    response_model=Accepted,
    summary="Edit a result further",
    openapi_extra=openapi.json_body(ResultRequest),
    responses=_responses(
        ErrorCode.NOT_FOUND,
        ErrorCode.DAMAGED,
        ErrorCode.UNKNOWN_MODEL,
        ErrorCode.UNKNOWN_METHOD,
        ErrorCode.INSUFFICIENT_STORAGE,
    ),
)
async def create_image(
    request: Request, store: TheStore, settings: TheSettings, follower: TheFollower, terms: TheTerms
) -> Response:
    """Make a picture of an edit an image of its own; the answer names it, and it may be edited at once.

    It is taken as it is, at its full size, and inverted like the image that it was made of.
    """
    asked = await read_json(request, ResultRequest)
    check_webhook(asked.webhook_url, settings)

    def submit() -> tuple[Accepted, bool]:
        return once(
            store,
            terms,
            lambda: b"/images" + asked.model_dump_json().encode(),
            lambda ask: submit_result(store, asked, ask),
        )

    accepted, replayed = await to_thread.run_sync(submit, limiter=DECODERS)
    return await _answer(request, follower, terms, accepted, replayed)


async def _answer(
    request: Request, follower: Follower, terms: Terms, accepted: Accepted, replayed: bool
) -> Response:
    """The ended job if the client waits for it and it ends in time, else where to look for it."""
    structlog.contextvars.bind_contextvars(job_id=accepted.job_id, image_id=accepted.image_id)
    headers = {"Location": accepted.links.self, **(REPLAYED if replayed else {})}
    job = await _ended(request, follower, terms, accepted) if terms.wait_s else None
    if job is None:
        return Response(accepted.model_dump_json(), 202, headers, "application/json")
    headers["Preference-Applied"] = f"wait={terms.wait_s}"
    return Response(job.model_dump_json(), 200, headers, "application/json")


async def _ended(request: Request, follower: Follower, terms: Terms, accepted: Accepted) -> Job | None:
    streams: AtOnce = request.app.state.gate.streams
    if streams.full(terms.caller.counted_as):
        return None
    try:
        with streams.held(terms.caller.counted_as):
            return await follower.ended(request, accepted.job_id, terms.ask.tenant, terms.wait_s)
    except RedisError as error:
        # The job was accepted; that its end cannot be watched now is no reason to say otherwise.
        log.warning("the end of a job cannot be waited for: %s", error)
        return None
