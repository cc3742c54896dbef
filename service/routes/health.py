"""Whether the process lives, and whether it can do its work."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field
from redis.exceptions import RedisError

from api_schemas import ErrorCode, FieldError, Problem
from api_schemas import Response as Wire
from service import openapi
from service.errors import ServiceError
from service.routes.common import TheStore
from store import StorageFull, StorageUnavailable, Store

router = APIRouter(tags=["health"])


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
def readyz(store: TheStore) -> Health:
    """Looks at the queue, the file store and the workers; a 503 says in `errors` which part is not ready."""
    missing = [part for part in (_redis(store), _files(store)) if part]
    if not missing:
        missing = _workers(store)
    if missing:
        detail = "Not ready: " + "; ".join(f"{part.loc[0]}: {part.msg}" for part in missing)
        raise ServiceError.of(Problem.of(ErrorCode.QUEUE_UNAVAILABLE, detail, errors=missing))
    return Health(status="ready")


def _redis(store: Store) -> FieldError | None:
    try:
        store.redis.ping()
    except RedisError as error:
        return _part("redis", f"cannot be reached ({type(error).__name__})")
    return None


def _files(store: Store) -> FieldError | None:
    try:
        store.blobs.check()
    except (StorageUnavailable, StorageFull) as error:
        return _part("store", f"cannot be written ({error})")
    return None


def _workers(store: Store) -> list[FieldError]:
    if store.presence.models():
        return []
    return [_part("worker", "no worker serves a model yet; it may still be loading")]


def _part(name: str, message: str) -> FieldError:
    return FieldError(loc=[name], msg=message, type="not_ready")
