"""Whether the process lives, and whether it can do its work."""

from collections.abc import Callable
from typing import Final, Literal

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from pydantic import Field
from redis.exceptions import RedisError

from api_schemas import ErrorCode, FieldError, Problem
from api_schemas import Response as Wire
from service import openapi
from service.errors import ServiceError
from service.pulse import Pulse
from service.routes.common import TheSettings, TheStore
from store import StorageFull, StorageUnavailable, Store

router = APIRouter(tags=["health"])

_PATIENCE_S: Final = 3.0
# A part that hangs keeps the thread that asked it, and must not come to keep those of all other requests.
_ASKING: Final = CapacityLimiter(8)

_Part = Callable[[Store], str | None]


class Health(Wire):
    """All is well."""

    status: Literal["ok", "ready"] = Field(description="'ok' for a live process, 'ready' for all its parts.")


@router.get("/healthz", summary="Whether the process lives", responses=openapi.problems())
async def healthz() -> Health:
    """Always answers while the process can answer at all."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Whether jobs can be accepted and worked on",
    responses=openapi.problems(ErrorCode.QUEUE_UNAVAILABLE),
)
async def readyz(request: Request, store: TheStore, settings: TheSettings) -> Health:
    """Looks at every part; a 503 says in `errors` which of them is not ready, and why.

    `api`: this process is stopping. `redis`: the queue. `store`: the files. `worker`: none is alive.
    `keeper`: webhooks are on, and no keeper is alive to send them.
    """
    missing = {"api": "is stopping"} if request.app.state.draining.is_set() else {}
    pulse: Pulse = request.app.state.pulse
    if pulse.down:
        missing |= {"redis": "does not answer"} | await _ask(store, store=_files)
    else:
        missing |= await _ask(store, redis=_redis, store=_files)
    if "redis" not in missing:
        missing |= await _ask(store, worker=_workers, **({"keeper": _keepers} if settings.webhooks else {}))
    if missing:
        detail = "Not ready: " + "; ".join(f"{part}: {reason}" for part, reason in missing.items())
        errors = [FieldError(loc=[part], msg=reason, type="not_ready") for part, reason in missing.items()]
        raise ServiceError.of(Problem.of(ErrorCode.QUEUE_UNAVAILABLE, detail, errors=errors))
    return Health(status="ready")


async def _ask(shared: Store, **parts: _Part) -> dict[str, str]:
    """The parts that are not ready, and why; all are asked at once, and each for a few seconds at most."""
    reasons: dict[str, str | None] = dict.fromkeys(parts, f"did not answer within {_PATIENCE_S:g} s")

    async def ask(name: str, part: _Part) -> None:
        with anyio.move_on_after(_PATIENCE_S):
            reasons[name] = await to_thread.run_sync(part, shared, abandon_on_cancel=True, limiter=_ASKING)

    async with anyio.create_task_group() as group:
        for name, part in parts.items():
            group.start_soon(ask, name, part)
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _redis(store: Store) -> str | None:
    try:
        store.redis.ping()
    except RedisError as error:
        return f"cannot be reached ({type(error).__name__})"
    return None


def _files(store: Store) -> str | None:
    try:
        store.blobs.check()
    except (StorageUnavailable, StorageFull) as error:
        return f"cannot be written ({error})"
    return None


def _workers(store: Store) -> str | None:
    if store.presence.models():
        return None
    return store.presence.fault() or "no worker serves a model yet; it may still be loading"


def _keepers(store: Store) -> str | None:
    return None if store.presence.keepers() else "no keeper runs; start one with `pentimento keeper`"
