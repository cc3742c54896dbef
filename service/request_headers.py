"""The headers of a request for work: on which conditions it is made."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header

from api_schemas import ErrorCode, FieldError, Problem
from service.auth import Caller, TheCaller
from service.errors import ServiceError
from service.request_log import request_id
from store import Ask
from store.tracing import traceparent

LONGEST_WAIT_S: Final = 60
_SHORTEST_S, _LONGEST_S = 5, 24 * 3600
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=[,;]|$)', re.IGNORECASE)
_DURATION = r"^(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s?)?$"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the headers ask: the caller, the idempotency key, how long to wait for the end, and the rest."""

    caller: Caller
    key: str | None
    wait_s: int
    ask: Ask


async def _terms(
    caller: TheCaller,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,255}$",
            description="Any text of your own. For 24 hours the same request with the same key does nothing "
            "more and is answered as it was the first time.",
            examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        ),
    ] = None,
    prefer: Annotated[
        str,
        Header(
            alias="Prefer",
            description="`wait=N`: answer only once the job has ended, but after N seconds at the latest; "
            f"at most {LONGEST_WAIT_S}. Other preferences are passed over.",
            examples=["wait=30"],
        ),
    ] = "",
    cancel_after: Annotated[
        str | None,
        Header(
            alias="Cancel-After",
            description="Give the job up unless it has ended by then: `90` or `90s`, `5m`, `1h30m`; from 5 "
            "seconds to 24 hours.",
            examples=["5m"],
            json_schema_extra={"pattern": _DURATION},
        ),
    ] = None,
) -> Terms:
    ask = Ask(
        tenant=caller.tenant,
        max_queued=caller.max_queued,
        deadline_s=_deadline(cancel_after),
        request_id=request_id(),
        traceparent=traceparent(),
    )
    return Terms(caller=caller, key=key, wait_s=_wait(prefer), ask=ask)


TheTerms = Annotated[Terms, Depends(_terms)]


def _wait(prefer: str) -> int:
    """Seconds; 0 for a preference that says nothing of waiting."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), LONGEST_WAIT_S) if found else 0


def _deadline(cancel_after: str | None) -> int | None:
    if cancel_after is None:
        return None
    found = re.fullmatch(_DURATION, cancel_after.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not _SHORTEST_S <= total <= _LONGEST_S:
        problem = "give 90, 90s, 5m or 1h30m, from 5 seconds to 24 hours"
        field = FieldError(loc=["header", "Cancel-After"], msg=problem, type="duration")
        raise ServiceError.of(
            Problem.of(ErrorCode.VALIDATION_ERROR, f"Cancel-After: {problem}", errors=[field])
        )
    return total
