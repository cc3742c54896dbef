"""`Idempotency-Key`: a request that is sent again is answered as it was the first time, and does nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from api_schemas import Accepted, ErrorCode, Problem
from service.errors import ServiceError
from service.request_headers import Terms
from store import Ask, KeyInUse, KeyReused, Store

REPLAYED: Final[Mapping[str, str]] = {"Idempotent-Replayed": "true"}


def once(
    store: Store,
    terms: Terms,
    body: Callable[[], bytes],
    submit: Callable[[Ask], Accepted],
    image_id: str | None = None,
) -> tuple[Accepted, bool]:
    """The job that `submit` makes, or the one that it made for the same key before; which of them it is.

    Refusals are kept like acceptances, unless they are the service's fault or only say to come back later.
    `image_id` is of the image that they speak of: with an image its answers are forgotten.
    Raises ServiceError: idempotency_key_reused, conflict while the first try is under way, and what `submit`
    raises or raised.
    """
    if terms.key is None:
        return submit(terms.ask), False
    try:
        reservation = store.answers.reserve(terms.ask.tenant, terms.key, body())
    except KeyReused:
        raise ServiceError(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            "This Idempotency-Key came with another request before; give every new request a key of its own.",
        ) from None
    except KeyInUse:
        raise ServiceError(
            ErrorCode.CONFLICT,
            "The request with this Idempotency-Key is still being accepted; send it again in a second.",
            {"Retry-After": "1"},
        ) from None
    if reservation.answer is not None:
        return _replay(reservation.answer), True
    try:
        accepted = submit(replace(terms.ask, job_id=reservation.job_id))
    except ServiceError as refusal:
        if refusal.problem.status < 500 and refusal.problem.status != 429:
            store.answers.keep(reservation, _stored(refusal.problem), image_id)
        else:
            store.answers.release(reservation)
        raise
    except BaseException:
        store.answers.release(reservation)
        raise
    store.answers.keep(reservation, _stored(accepted), accepted.image_id)
    return accepted, False


def _stored(answer: Accepted | Problem) -> str:
    return json.dumps({type(answer).__name__: answer.model_dump(mode="json")})


def _replay(stored: str) -> Accepted:
    [(name, answer)] = json.loads(stored).items()
    if name == Problem.__name__:
        raise ServiceError.of(Problem.model_validate(answer), REPLAYED)
    return Accepted.model_validate(answer)
