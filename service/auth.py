"""Authentication: the tenant that a request acts for, and the limits that hold for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api_schemas import ErrorCode
from service import openapi
from service.errors import ServiceError
from service.limiting import AtOnce, RateLimits
from service.pulse import Pulse
from service.settings import ServiceSettings
from store import Store

_OURS = "pk_"
_SCHEME = 'Bearer realm="pentimento"'
_BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="pk_<id>_<secret>",
    description="An API key as `pentimento keys add` gives it; needed once there is one.",
    auto_error=False,
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """On whose behalf a request is made; None for a limit means the service's own."""

    tenant: str = "default"
    key_id: str | None = None
    rate: int | None = None
    max_queued: int | None = None

    @property
    def counted_as(self) -> str:
        """Under which name limits count what it does."""
        return self.key_id or self.tenant


class Gate:
    """Checks API keys; where there are none and the service is open without, every request is let in."""

    def __init__(self, store: Store, settings: ServiceSettings, pulse: Pulse) -> None:
        self.pulse = pulse
        self._keys = store.apikeys
        self._limits = RateLimits(store)
        self._key_needed = settings.key_needed
        self._usual_rate = settings.rate_limit
        self.requests = AtOnce(settings.max_requests, "requests")
        self.streams = AtOnce(settings.max_streams, "streams of events")

    @property
    def _open(self) -> bool:
        return not (self._key_needed or self._keys.exist())

    def admit(self, token: str | None) -> Caller:
        """The caller that this key belongs to; raises unauthorized, and queue_unavailable at once."""
        self.pulse.check()
        if token is None:
            if not self._open:
                raise ServiceError(
                    ErrorCode.UNAUTHORIZED,
                    "This needs an API key; send it as the header 'Authorization: Bearer pk_...'.",
                    {"WWW-Authenticate": _SCHEME},
                )
            return Caller()
        key = self._keys.find(token)
        if key is None and self._open and not token.startswith(_OURS):
            return Caller()  # clients of other services cannot be without a key, so they send any
        if key is None:
            raise ServiceError(
                ErrorCode.UNAUTHORIZED,
                "The API key is not known here, or was revoked.",
                {"WWW-Authenticate": f'{_SCHEME}, error="invalid_token"'},
            )
        return Caller(tenant=key.tenant, key_id=key.id, rate=key.rate, max_queued=key.max_queued)

    def still_admits(self, caller: Caller) -> bool:
        """Whether the caller would be let in now as before."""
        if caller.key_id is None:
            return self._open
        return self._keys.opens(caller.key_id)

    def count(self, caller: Caller, path: str) -> None:
        """Count a POST to this path; raises rate_limited."""
        self._limits.count(caller.counted_as, caller.rate or self._usual_rate, path)


def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    gate: Gate = request.app.state.gate
    caller = gate.admit(credentials.credentials if credentials else None)
    if request.method == "POST":
        gate.count(caller, request.url.path)
    request.state.caller = caller
    return caller


TheCaller = Annotated[Caller, Depends(_caller)]


async def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


TheGate = Annotated[Gate, Depends(_gate)]


async def _under_way(gate: TheGate, caller: TheCaller) -> AsyncIterator[None]:
    """Counts the request until its answer was sent."""
    with gate.requests.held(caller.counted_as):
        yield


async def _answering(gate: TheGate) -> None:
    """Before anything needs a thread; asked again once there is one, since that may take a while."""
    gate.pulse.check()


REQUIRED = [Depends(_answering), Depends(_under_way)]
RESPONSES = openapi.problems(ErrorCode.UNAUTHORIZED, ErrorCode.RATE_LIMITED, ErrorCode.QUEUE_UNAVAILABLE)
