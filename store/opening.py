"""One object for everything that service and workers share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis, asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from api_schemas import Image, ModelInfo
from store import keys, scripts
from store.answers import Answers
from store.apikeys import ApiKeys
from store.blobs import Blobs
from store.events import AsyncEvents, Events
from store.images import ImageStore
from store.jobs import JobStore
from store.locks import Lock
from store.outbox import Outbox
from store.presence import Presence
from store.settings import StoreSettings
from store.stats import Stats, read_stats
from store.views import tenants_image

_BACKOFF: Final = ExponentialBackoff(cap=0.4, base=0.05)
_RETRIES: Final = 5
_FILES_LOCK_S: Final = 30.0
_BATCH: Final = 500
_WAITING: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Store:
    """The shared state: records in Redis, files in `blobs`."""

    settings: StoreSettings
    redis: Any
    jobs: JobStore
    images: ImageStore
    presence: Presence
    events: Events
    outbox: Outbox
    answers: Answers
    apikeys: ApiKeys
    blobs: Blobs

    def stats(self) -> Stats:
        """What the queue is like now, and what became of jobs so far."""
        return read_stats(self.redis)

    def image_and_model(
        self, image_id: str, tenant: str = "default"
    ) -> tuple[Image | None, ModelInfo | None]:
        """An image, and its model if that is known, in one round trip, since every edit asks.

        They are as `images.get` and `presence.known` give them.
        """
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.eval(scripts.text("images"), 0, image_id)
            self.presence.ask(pipeline)
            [stored], *serving = pipeline.execute()
        image, models = tenants_image(image_id, stored, tenant), self.presence.parse(*serving)
        return image, None if image is None else models.get(image.model)

    def async_events(self) -> AsyncEvents:
        """The jobs' events for an event loop; close it before the loop ends."""
        patience = _patience(AsyncRetry)
        # Every request that waits for an event holds a connection; how many there may be, the server bounds.
        redis = asyncio.Redis.from_url(self.settings.redis_url, max_connections=_WAITING, **patience)
        return AsyncEvents(redis)

    def delete_image(self, image_id: str, tenant: str = "default") -> bool:
        """Remove an image: its record, its files, its jobs; False if the tenant has no such image."""
        with self.files(image_id):
            return self.jobs.delete_image(image_id, tenant) and self._sweep(image_id)

    def expire_image(self, image_id: str) -> bool:
        """Remove an image whose time has come, or what is left of one; False if it was used meanwhile."""
        with self.files(image_id):
            return self.jobs.expire_image(image_id) and self._sweep(image_id)

    def sweep_image(self, image_id: str) -> None:
        """Remove what was stored for an image that does not exist: deleted meanwhile, or never accepted."""
        with self.files(image_id):
            if self.images.missing([image_id]):
                self._sweep(image_id)

    def orphans(self) -> list[str]:
        """Images that are not known although files of theirs are there; one may be on its way just now."""
        found = self.blobs.folders("images/")
        batches = (found[at : at + _BATCH] for at in range(0, len(found), _BATCH))
        return [image_id for batch in batches for image_id in self.images.missing(batch)]

    def _sweep(self, image_id: str) -> bool:
        self.blobs.delete_prefix(keys.folder(image_id))
        self.answers.forget(image_id)
        self.jobs.swept(image_id)
        return True

    def files(self, image_id: str) -> AbstractContextManager[None]:
        """While entered, no other process creates the image or removes its files."""
        return Lock(self.redis, f"files:{image_id}", _FILES_LOCK_S).held()

    def close(self) -> None:
        """Give back the connections."""
        self.redis.close()


def open(settings: StoreSettings | None = None, *, hang_s: float | None = None) -> Store:
    """The store these settings name; connects when first used and outlives outages of about a second.

    With `hang_s` a server that takes a command and does not answer is waited for so long and no longer.
    """
    settings = settings or StoreSettings()
    redis = connect(settings.redis_url, hang_s)
    return Store(
        settings=settings,
        redis=redis,
        jobs=JobStore(redis, settings),
        images=ImageStore(redis),
        presence=Presence(redis),
        events=Events(redis),
        outbox=Outbox(redis),
        answers=Answers(redis),
        apikeys=ApiKeys(redis),
        blobs=Blobs(settings.store),
    )


def connect(url: str, hang_s: float | None = None) -> Redis:
    """A client that tries again for about a second when the server cannot be reached."""
    patience = _patience(Retry)
    if hang_s is not None:
        patience["socket_timeout"] = patience["socket_connect_timeout"] = hang_s
        patience["retry"] = Retry(_BACKOFF, retries=_RETRIES, supported_errors=(ConnectionError,))
        del patience["retry_on_error"]
    return Redis.from_url(url, **patience)


def _patience(retry: Any) -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 15,
        "retry": retry(_BACKOFF, retries=_RETRIES),
        "retry_on_error": [ConnectionError, TimeoutError],
    }
