"""Who asks: the tenant that a request acts for, and the limits that hold for it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True, kw_only=True)
class Caller:
    """On whose behalf a request is made; None for a limit means the service's own."""

    tenant: str = "default"
    key_id: str | None = None
    max_queued: int | None = None


async def _caller() -> Caller:
    return Caller()


TheCaller = Annotated[Caller, Depends(_caller)]
