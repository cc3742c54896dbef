"""Sources of edits in memory."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

import engine
from store import RecordKey


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image ready for edits: its inversion, and the picture as the model sees it.

    `stored` is the bytes that the inversion takes in storage, `sent` the size of what it shows of the picture
    as that is kept.
    """

    record: engine.SourceRecord
    picture: Image.Image
    stored: int
    sent: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.record.nbytes + 3 * self.picture.width * self.picture.height


class Hot:
    """Sources in memory, the least recently used dropped first when they exceed `limit` bytes.

    `on_drop` is called with every source that is dropped.
    """

    def __init__(self, limit: int, on_drop: Callable[[Source], object]) -> None:
        self._limit, self._on_drop = limit, on_drop
        self._kept: OrderedDict[RecordKey, Source] = OrderedDict()

    def get(self, key: RecordKey) -> Source | None:
        """The source, which then counts as just used."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: RecordKey, source: Source) -> None:
        """Keep a source, unless it alone exceeds the limit: then all others stay."""
        if source.nbytes > self._limit:
            self.drop(key)
            return
        self._kept[key] = source
        self._kept.move_to_end(key)
        while self._kept and self.nbytes > self._limit:
            self.drop(next(iter(self._kept)))

    def drop(self, key: RecordKey) -> None:
        """Forget a source."""
        source = self._kept.pop(key, None)
        if source is not None:
            self._on_drop(source)

    def drop_image(self, image_id: str) -> None:
        """Forget all sources of an image."""
        for key in [key for key in self._kept if key.image_id == image_id]:
            self.drop(key)

    @property
    def images(self) -> list[str]:
        """The images whose sources are in memory."""
        return list({key.image_id: None for key in self._kept})

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return sum(source.nbytes for source in self._kept.values())
