"""What took work to make is not lost to an outage that passes."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

import structlog

from store import StorageUnavailable
from store.blobs import Blobs

T = TypeVar("T")

log = structlog.get_logger(__name__)

_PATIENCE_S: Final = 60.0


def _go_on() -> None:
    """Nothing ends the wait."""


def keep(blobs: Blobs, key: str, data: bytes, check: Callable[[], object]) -> None:
    """Store the bytes under the key, patiently; raises StorageFull at once and StorageUnavailable at last."""
    patiently(lambda: blobs.put(key, data), StorageUnavailable, check)


def patiently(action: Callable[[], T], away: type[Exception], check: Callable[[], object] = _go_on) -> T:
    """What the action gives; while it raises `away` it is tried again every second, for a minute.

    `check` is called before every new try: what it raises ends the wait.
    """
    deadline = monotonic() + _PATIENCE_S
    while True:
        try:
            return action()
        except away as error:
            if monotonic() > deadline:
                raise
            log.warning("nothing can be kept yet", error=str(error))
        sleep(1)
        check()
