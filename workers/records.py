"""Inversions: in memory, in storage, or made now."""

import gc
import io
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import sleep
from typing import Final

import structlog
from PIL import Image

import engine
import engine.codec
from api_schemas import InvertOptions
from store import BlobMissing, Lock, NoSuchImage, Store, keys
from workers.measures import SOUGHT, remember_memory
from workers.patience import keep
from workers.reporter import Reporter

log = structlog.get_logger(__name__)

_FILES: Final = ("record.safetensors", "record.json")
_POLL_S: Final = 0.2


def _go_on() -> None:
    """Nothing else is to be done."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image ready for edits: its inversion and the picture as the model sees it."""

    record: engine.SourceRecord
    picture: Image.Image

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.record.nbytes + 3 * self.picture.width * self.picture.height


class Hot:
    """Sources at hand, the least recently used given up first when they exceed `limit` bytes.

    `on_drop` hears of every source that is at hand no more.
    """

    def __init__(self, limit: int, on_drop: Callable[[Source], object]) -> None:
        self._limit, self._on_drop = limit, on_drop
        self._kept: OrderedDict[str, Source] = OrderedDict()

    def get(self, image_id: str) -> Source | None:
        """The source, which then counts as just used."""
        if image_id in self._kept:
            self._kept.move_to_end(image_id)
        return self._kept.get(image_id)

    def put(self, image_id: str, source: Source) -> None:
        """Keep a source, unless it alone exceeds the limit."""
        self._kept[image_id] = source
        self._kept.move_to_end(image_id)
        while self._kept and self.nbytes > self._limit:
            self.drop(next(iter(self._kept)))

    def drop(self, image_id: str) -> None:
        """Forget a source."""
        source = self._kept.pop(image_id, None)
        if source is not None:
            self._on_drop(source)

    @property
    def images(self) -> list[str]:
        """Whose sources are at hand."""
        return list(self._kept)

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return sum(source.nbytes for source in self._kept.values())


class Records:
    """Finds the source of an image, or makes it: never twice at the same time for the same image.

    What edits take from a source is kept for the next ones in up to `feature_bytes`, while the source itself
    is at hand.
    """

    def __init__(
        self,
        models: engine.Models,
        store: Store,
        *,
        hot_bytes: int,
        feature_bytes: int,
        lock_s: float,
        holding: Callable[[Lock], AbstractContextManager[None]],
    ) -> None:
        self._models, self._store = models, store
        self._features = engine.SourceCache(feature_bytes)
        self._hot = Hot(hot_bytes, lambda source: self._features.forget(source.record.key))
        self._lock_s, self._holding = lock_s, holding

    def find(self, image_id: str) -> Source | None:
        """The source if it is whole in storage, from memory where possible; damaged files are put aside."""
        hot = self._hot.get(image_id)
        if hot is not None:
            if self._store.blobs.exists(keys.record(image_id, "record.json")):
                SOUGHT.labels("inversion", "memory").inc()
                return hot
            self._hot.drop(image_id)
        try:
            files = {name: self._store.blobs.get(keys.record(image_id, name)) for name in reversed(_FILES)}
        except BlobMissing:
            return None
        try:
            record = engine.SourceRecord.unpack(files)
        except engine.RecordCorrupt as error:
            log.warning("a stored inversion is damaged", image_id=image_id, error=str(error))
            self.discard(image_id)
            return None
        SOUGHT.labels("inversion", "storage").inc()
        return self._keep(image_id, record)

    def ensure(
        self,
        image_id: str,
        options: InvertOptions,
        reporter: Reporter,
        *,
        otherwise: Callable[[], None] = _go_on,
    ) -> tuple[Source, bool]:
        """The source, and whether it was there already (or was just made by another worker).

        If it was not, `otherwise` hears of it before it is made.
        """
        found = self.find(image_id)
        if found is not None:
            return found, True
        lock = Lock(self._store.redis, f"invert:{image_id}", self._lock_s)
        while not lock.acquire():
            reporter.check()
            sleep(_POLL_S)
        try:
            with self._holding(lock):
                found = self.find(image_id)
                if found is not None:
                    return found, True
                SOUGHT.labels("inversion", "none").inc()
                otherwise()
                return self._make(image_id, options, reporter), False
        finally:
            lock.release()

    def discard(self, image_id: str) -> None:
        """Put the stored inversion aside, where nothing reads it."""
        self._hot.drop(image_id)
        for name in reversed(_FILES):
            self._store.blobs.move(keys.record(image_id, name), keys.quarantine(image_id, name))

    def forget(self, image_id: str) -> None:
        """Remove all that was stored for an image, if it was deleted meanwhile and not sent again."""
        self._hot.drop(image_id)
        self._store.sweep_image(image_id)

    def sweep(self) -> None:
        """Forget what is at hand of images that were deleted."""
        for image_id in self._store.images.missing(self._hot.images):
            self._hot.drop(image_id)

    def features(self, image_id: str) -> engine.SourceCache | None:
        """What edits of this image keep for one another; None if its source is too large to be at hand."""
        return None if self._hot.get(image_id) is None else self._features

    def measure(self) -> None:
        """Let it be known how much memory is in use."""
        remember_memory(inversions=self._hot.nbytes, features=self._features.nbytes)

    def make_room(self) -> None:
        """Give up the memory that only saves time."""
        self._features.clear()
        gc.collect()

    def _make(self, image_id: str, options: InvertOptions, reporter: Reporter) -> Source:
        sent = self._sent(image_id)
        reporter.show(engine.codec.fit(self._models, sent))

        def invert() -> engine.SourceRecord:
            return engine.invert(
                self._models,
                sent,
                prompt=options.prompt,
                method=options.method,
                steps=options.steps,
                params=options.params.model_dump(),
                on_progress=reporter,
            )

        try:
            record = invert()
        except engine.OutOfMemory:
            if not self._features.nbytes:
                raise
            log.warning("memory ran out; the inversion is tried again without what edits keep")
            self.make_room()
            record = invert()
        files = record.pack()
        for name in _FILES:
            keep(self._store.blobs, keys.record(image_id, name), files[name], reporter.check)
        return self._keep(image_id, record)

    def _keep(self, image_id: str, record: engine.SourceRecord) -> Source:
        picture = engine.codec.fit(self._models, self._sent(image_id))
        source = Source(record=record, picture=picture)
        self._hot.put(image_id, source)
        return source

    def _sent(self, image_id: str) -> Image.Image:
        try:
            data = self._store.blobs.get(keys.source(image_id))
        except BlobMissing as error:
            raise NoSuchImage(image_id) from error
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise engine.InvalidImage(f"the stored picture cannot be read: {error}") from error
