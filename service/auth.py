"""Who asks: the tenant that a request acts for, and the limits that hold for it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api_schemas import ErrorCode
from service import openapi
from service.errors import ServiceError
from service.limiting import UNCOUNTED, RateLimits
from service.settings import ServiceSettings
from store import Store

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


class Gate:
    """Lets in who has a key, or everyone where there are no keys and the service is open without."""

    def __init__(self, store: Store, settings: ServiceSettings) -> None:
        self._keys = store.apikeys
        self._limits = RateLimits(store)
        self._key_needed = settings.key_needed
        self._usual_rate = settings.rate_limit

    def admit(self, token: str | None) -> Caller:
        """Who proves to be the owner of this key; raises unauthorized."""
        if token is None:
            if self._key_needed or self._keys.exist():
                raise ServiceError(
                    ErrorCode.UNAUTHORIZED,
                    "This needs an API key; send it as the header 'Authorization: Bearer pk_...'.",
                    {"WWW-Authenticate": _SCHEME},
                )
            return Caller()
        key = self._keys.find(token)
        if key is None:
            raise ServiceError(
                ErrorCode.UNAUTHORIZED,
                "The API key is not known here, or was revoked.",
                {"WWW-Authenticate": f'{_SCHEME}, error="invalid_token"'},
            )
        return Caller(tenant=key.tenant, key_id=key.id, rate=key.rate, max_queued=key.max_queued)

    def count(self, caller: Caller) -> None:
        """Count a request that asks for work; raises rate_limited."""
        self._limits.count(caller.key_id or caller.tenant, caller.rate or self._usual_rate)


def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    gate: Gate = request.app.state.gate
    caller = gate.admit(credentials.credentials if credentials else None)
    if request.method == "POST" and request.url.path not in UNCOUNTED:
        gate.count(caller)
    request.state.caller = caller
    return caller


TheCaller = Annotated[Caller, Depends(_caller)]
REQUIRED = [Depends(_caller)]
RESPONSES = openapi.problems(ErrorCode.UNAUTHORIZED, ErrorCode.QUEUE_UNAVAILABLE)
