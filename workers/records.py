"""The inversions of images: in memory, in storage, or made now."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from time import sleep
from typing import Final

import structlog

import engine
import engine.codec
import engine.regions
from api_schemas import InvertOptions
from parameters import INVERSIONS, Painted
from store import BlobMissing, Lock, RecordKey, Store, keys
from workers.hot import Hot, Source
from workers.measures import SOUGHT, remember_memory
from workers.originals import Originals
from workers.reporter import Reporter
from workers.retry import keep

log = structlog.get_logger(__name__)

_FILES: Final = ("record.safetensors", "record.json")
_POLL_S: Final = 0.2


class Lost(StrEnum):
    """Why a stored inversion cannot be used and must be made again."""

    MISSING = "missing"
    DAMAGED = "damaged"
    OLDER = "of an older format"
    FOREIGN = "of another model"

    @property
    def code(self) -> str:
        """The stable name of the job's warning."""
        return f"inversion_{self.name.lower()}"

    @property
    def warning(self) -> str:
        """What the job says of it."""
        return f"The stored inversion was {self} and was made again."


def _go_on(_: Lost) -> None:
    """Nothing else is to be done."""


class Records:
    """Finds the source for an inversion, or makes it: never the same one twice at the same time.

    What edits take from a source is kept for the next ones in up to `feature_bytes` of the device and
    `feature_host_bytes` of main memory, while the source itself is in memory.
    """

    def __init__(
        self,
        models: engine.Backbone,
        store: Store,
        *,
        hot_bytes: int,
        feature_bytes: int,
        feature_host_bytes: int = 0,
        lock_s: float,
        holding: Callable[[Lock], AbstractContextManager[None]],
    ) -> None:
        self._models, self._store = models, store
        self._features = engine.SourceCache(feature_bytes, feature_host_bytes)
        self._hot = Hot(hot_bytes, lambda source: self._features.forget(source.record.key))
        self._lock_s, self._holding = lock_s, holding
        self.originals = Originals(models, store, self._making)

    def find(self, key: RecordKey, options: InvertOptions, reporter: Reporter | None = None) -> Source | Lost:
        """The source if it is whole in storage, from memory where possible; damaged files are put aside.

        A record that is whole but of another picture or other options, by its own key, counts as damaged.
        With a reporter, a painting whose picture is lost is painted again.
        """
        hot = self._hot.get(key)
        if hot is not None:
            if self._store.blobs.exists(keys.record_file(*key, "record.json")):
                SOUGHT.labels("inversion", "memory").inc()
                return hot
            self._hot.drop(key)
        try:
            files = {name: self._store.blobs.get(keys.record_file(*key, name)) for name in reversed(_FILES)}
        except BlobMissing:
            return Lost.MISSING
        try:
            record = engine.SourceRecord.unpack(files)
        except engine.RecordCorrupt as error:
            log.warning("a stored inversion cannot be used", **key._asdict(), error=str(error))
            if "format" in error.reason:
                return Lost.OLDER
            self.discard(key)
            return Lost.DAMAGED
        source = self._keep(key, options, record, files, reporter)
        if not self._fits(source, options):
            log.warning("a stored inversion is of something else", **key._asdict())
            self.discard(key)
            return Lost.DAMAGED
        SOUGHT.labels("inversion", "storage").inc()
        return source

    def _fits(self, source: Source, options: InvertOptions) -> bool:
        record, models = source.record, self._models
        if (record.revision, record.dtype) != (models.revision, models.dtype_name):
            return True  # edits find out, and say so
        if isinstance(options.params, Painted):
            return record.key == engine.painted_key(
                models, prompt=options.prompt, steps=options.steps, params=options.params
            )
        expected = engine.record_key(
            models,
            source.picture,
            prompt=options.prompt,
            method=options.method,
            steps=options.steps,
            params=options.params.model_dump(),
        )
        return record.key == expected

    def ensure(
        self,
        key: RecordKey,
        options: InvertOptions,
        reporter: Reporter,
        *,
        on_lost: Callable[[Lost], None] = _go_on,
    ) -> tuple[Source, bool]:
        """The source, and whether it was there already (or was just made by another worker).

        If it was not, `on_lost` is called before it is made.
        """
        first = self.find(key, options, reporter)
        if isinstance(first, Source):
            return first, True
        with self._making(key.record_id, reporter):
            found = self.find(key, options, reporter)
            if isinstance(found, Source):
                return found, True
            SOUGHT.labels("inversion", "none").inc()
            # What was damaged is put aside by now, and only missing.
            on_lost(found if first is Lost.MISSING else first)
            return self._make(key, options, reporter), False

    @contextmanager
    def _making(self, record_id: str, reporter: Reporter) -> Iterator[None]:
        """While entered, no other worker makes this inversion; waits until none does."""
        lock = Lock(self._store.redis, f"invert:{record_id}", self._lock_s)
        while not lock.acquire():
            reporter.check()
            sleep(_POLL_S)
        try:
            with self._holding(lock):
                yield
        finally:
            lock.release()

    def discard(self, key: RecordKey) -> None:
        """Put the stored inversion aside, where nothing reads it."""
        self._hot.drop(key)
        for name in reversed(_FILES):
            self._store.blobs.move(keys.record_file(*key, name), keys.quarantine(*key, name))

    def forget(self, image_id: str) -> None:
        """Remove all that was stored for an image, if it was deleted meanwhile and not sent again."""
        self._hot.drop_image(image_id)
        self._store.sweep_image(image_id)

    def sweep(self) -> None:
        """Free the memory of images that were deleted."""
        for image_id in self._store.images.missing(self._hot.images):
            self._hot.drop_image(image_id)

    def features(self, key: RecordKey) -> engine.SourceCache | None:
        """What edits of this source keep for one another; None if it is too large to be kept in memory."""
        return None if self._hot.get(key) is None else self._features

    def shows(self, source: Source) -> bool:
        """Whether the source's own picture is in memory, so that an edit need not decode it."""
        return self._features.shows(source.record.key)

    def measure(self) -> None:
        """Let it be known how much memory is in use."""
        remember_memory(inversions=self._hot.nbytes, features=self._features.nbytes)

    def make_room(self) -> None:
        """Give up the memory that only saves time."""
        self._features.clear()
        gc.collect()

    def _make(self, key: RecordKey, options: InvertOptions, reporter: Reporter) -> Source:
        sent = None
        if not INVERSIONS[options.method].paints:
            sent = engine.regions.part(self.originals.get(key.image_id, reporter), options.region)
            reporter.show(engine.codec.fit(self._models, sent))

        def invert() -> engine.SourceRecord:
            if sent is None:
                return self.originals.paint(options, reporter)
            return engine.invert(
                self._models,
                sent,
                prompt=options.prompt,
                method=options.method,
                steps=options.steps,
                params=options.params.model_dump(),
                cache=self._features,
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
        if sent is None:
            self.originals.put_painting(key.image_id, record, reporter)
        files = record.pack()
        for name in _FILES:
            keep(self._store.blobs, keys.record_file(*key, name), files[name], reporter.check)
        return self._keep(key, options, record, files, reporter)

    def _keep(
        self,
        key: RecordKey,
        options: InvertOptions,
        record: engine.SourceRecord,
        files: Mapping[str, bytes],
        reporter: Reporter | None,
    ) -> Source:
        if INVERSIONS[record.method].paints:
            sent = picture = self.originals.of_painting(key.image_id, record, reporter)
        else:
            sent = engine.regions.part(self.originals.get(key.image_id, reporter), options.region)
            picture = engine.codec.fit(self._models, sent)
        stored = sum(map(len, files.values()))
        source = Source(record=record, picture=picture, stored=stored, sent=sent.size)
        self._hot.put(key, source)
        if self._hot.get(key) is None:
            self._features.forget(record.key)
        return source
