"""`python -m service.keeper`: calls webhooks, removes what has expired, gives lost jobs back to the queue."""

import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

import anyio
import structlog
from redis.exceptions import RedisError

import store
from service.keeper.chores import Orphans, every, remove_expired
from service.keeper.post import Post
from service.keeper.settings import KeeperSettings
from store import Store, logs

log = structlog.get_logger("service.keeper")

_BEAT_S: Final = 2.0
_ALIVE_S: Final = 10.0
_REAP_S: Final = 1.0
_LITTER_S: Final = 600.0


def main() -> int:
    """Keep until SIGTERM or SIGINT; any number of keepers may do so at once."""
    logs.configure()
    # It would log whole URLs, and with them what receivers hide in a query.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    shared = store.open()
    try:
        anyio.run(keep, shared, KeeperSettings())
    finally:
        shared.close()
    return 0


async def keep(shared: Store, settings: KeeperSettings) -> None:
    """Do everything at once until a signal comes, then stop within the grace."""
    name, stopping = f"{socket.gethostname()}-{uuid4().hex}", anyio.Event()
    chores: list[tuple[float, str, Callable[[], bool | None]]] = [
        (_BEAT_S, "presence", lambda: shared.presence.publish_keeper(name, _ALIVE_S)),
        (_REAP_S, "jobs", lambda: _reap(shared)),
        (settings.sweep_s, "images", lambda: remove_expired(shared)),
        (_LITTER_S, "files", shared.blobs.sweep),
        (_LITTER_S, "orphans", Orphans(shared).collect),
    ]
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_on_signal, stopping)
        for pause_s, about, chore in chores:
            group.start_soon(every, pause_s, about, chore, stopping)
        if settings.webhooks:
            group.start_soon(Post(shared, settings).run, stopping)
        log.info("keeping", keeper=name, webhooks=settings.webhooks)
    with suppress(RedisError):
        shared.presence.retire_keeper(name)
    log.info("stopped", keeper=name)


def _reap(shared: Store) -> None:
    """As workers do: deadlines must pass and lost jobs return while there are no workers too."""
    again, ended = shared.jobs.reap()
    if again or ended:
        log.info("reaped", again=again, ended=ended)


async def _stop_on_signal(stopping: anyio.Event) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stopping.set()
            return


if __name__ == "__main__":
    sys.exit(main())
