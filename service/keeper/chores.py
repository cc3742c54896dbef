"""Periodic maintenance: what has to be done without any request."""

from collections.abc import Callable
from typing import Final

import anyio
import structlog
from anyio.to_thread import run_sync
from redis.exceptions import RedisError

from store import Store, StoreError

log = structlog.get_logger(__name__)

_BATCH: Final = 20


async def every(pause_s: float, name: str, chore: Callable[[], bool | None], stopping: anyio.Event) -> None:
    """Do the chore every `pause_s` seconds, and at once again if it says that there is more to do.

    An outage of what it needs ends one round and no more.
    """
    while not stopping.is_set():
        more: bool | None = False
        try:
            more = await run_sync(chore)
        except (RedisError, OSError, StoreError) as error:
            log.warning("a chore must wait", chore=name, error=str(error))
        with anyio.move_on_after(0 if more else pause_s):
            await stopping.wait()


def remove_expired(store: Store) -> bool:
    """Remove some of the images that were not used for too long; whether there may be more."""
    removed = 0
    for image_id in store.jobs.expired_images(_BATCH):
        if store.expire_image(image_id):
            log.info("expired", image=image_id)
            removed += 1
    return removed == _BATCH


class Orphans:
    """Collects what a process left behind that was killed between storing a picture and its record."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: frozenset[str] = frozenset()

    def collect(self) -> None:
        """Remove the orphans that were there at the last call already."""
        found = frozenset(self._store.orphans())
        for image_id in found & self._seen:
            self._store.sweep_image(image_id)
            log.info("orphan removed", image=image_id)
        self._seen = found
