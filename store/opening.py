"""One object for everything that service and workers share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from store import keys
from store.blobs import Blobs
from store.images import ImageStore
from store.jobs import JobStore
from store.locks import Lock
from store.presence import Presence
from store.settings import StoreSettings

_FILES_LOCK_S: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Store:
    """The shared state: records in Redis, files in `blobs`."""

    settings: StoreSettings
    redis: Any
    jobs: JobStore
    images: ImageStore
    presence: Presence
    blobs: Blobs

    def queued(self) -> int:
        """How many jobs wait for a worker."""
        return int(self.redis.llen("rq:queue:pentimento"))

    def delete_image(self, image_id: str) -> bool:
        """Remove an image: its record, its files, its waiting jobs; False if there is no such image."""
        with self.files(image_id):
            there = self.jobs.delete_image(image_id)
            self.blobs.delete_prefix(keys.folder(image_id))
        return there

    def sweep_image(self, image_id: str) -> None:
        """Remove what a job stored for an image that was deleted meanwhile and not sent again."""
        with self.files(image_id):
            if self.images.get(image_id) is None:
                self.blobs.delete_prefix(keys.folder(image_id))

    def files(self, image_id: str) -> AbstractContextManager[None]:
        """While entered, nobody else creates the image or removes its files."""
        return Lock(self.redis, f"files:{image_id}", _FILES_LOCK_S).held()

    def close(self) -> None:
        """Give back the connections."""
        self.redis.close()


def open(settings: StoreSettings | None = None) -> Store:
    """The store these settings name; connects when first used and outlives outages of about a second."""
    settings = settings or StoreSettings()
    redis = connect(settings.redis_url)
    return Store(
        settings=settings,
        redis=redis,
        jobs=JobStore(redis, settings),
        images=ImageStore(redis),
        presence=Presence(redis),
        blobs=Blobs(settings.store),
    )


def connect(url: str) -> Redis:
    """A client that tries again for about a second when the server cannot be reached."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.4, base=0.05), retries=5),
        retry_on_error=[ConnectionError, TimeoutError],
    )
