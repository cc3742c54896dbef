"""Images at their own size, and the masks that were sent for them."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager

from PIL import Image

import engine
from api_schemas import InvertOptions
from parameters import Painted
from pictures import bands
from store import BlobDamaged, BlobMissing, NoSuchImage, Store, keys, record_id
from workers.marks import Made, png
from workers.reporter import Reporter
from workers.retry import keep

Making = Callable[[str, Reporter], AbstractContextManager[None]]


class MaskLost(Exception):
    """The mask of an edit is not in storage any more, or is damaged there."""


class Originals:
    """Reads and checks the pictures of images; those that were painted here are painted again if lost.

    The last one stays in memory until `release`, so that a job decodes its image once. `making` locks the
    inversion of this id against other workers while it is entered.
    """

    def __init__(self, models: engine.Backbone, store: Store, making: Making) -> None:
        self._models, self._store, self._making = models, store, making
        self._last: tuple[str, Image.Image] | None = None

    def get(self, image_id: str, reporter: Reporter | None = None) -> Image.Image:
        """The image, painted again if need be and if there is a reporter to report that to.

        Raises NoSuchImage, BlobDamaged.
        """
        if self._last is not None and self._last[0] == image_id:
            return self._last[1]
        try:
            return self._read(image_id)
        except (NoSuchImage, BlobDamaged):
            painting = None if reporter is None else self._store.images.painting(image_id)
            if reporter is None or painting is None:
                raise
        with self._making(record_id(image_id, painting), reporter):
            try:
                return self._read(image_id)  # another worker may have painted it meanwhile
            except (NoSuchImage, BlobDamaged):
                return self.put_painting(image_id, self.paint(painting, reporter), reporter)

    def release(self) -> None:
        """Free the memory of the last image: the job has ended."""
        self._last = None

    def paint(self, options: InvertOptions, reporter: Reporter) -> engine.SourceRecord:
        """The record of a painting by these options."""
        assert isinstance(options.params, Painted)
        return engine.paint(
            self._models,
            prompt=options.prompt,
            steps=options.steps,
            params=options.params,
            on_progress=reporter,
        )

    def put_painting(self, image_id: str, record: engine.SourceRecord, reporter: Reporter) -> Image.Image:
        """Store the picture of a painting as its image's."""
        picture = engine.reconstruct(self._models, record)
        data = png(picture, Made.PAINTED if self._store.settings.provenance else None)
        keep(self._store.blobs, keys.source(image_id), data, reporter.check)
        self._last = (image_id, picture)
        return picture

    def of_painting(
        self, image_id: str, record: engine.SourceRecord, reporter: Reporter | None
    ) -> Image.Image:
        """The image that this record paints; if it is lost and there is a reporter, it is stored again."""
        try:
            return self.get(image_id)
        except (NoSuchImage, BlobDamaged):
            if reporter is None:
                raise
            return self.put_painting(image_id, record, reporter)

    def mask(self, image_id: str, url: str) -> Image.Image:
        """The mask of an edit, of the image's size; raises NoSuchImage, MaskLost."""
        file = keys.of_url(url)
        try:
            if file is None:
                raise BlobMissing(url)
            data = self._store.blobs.picture(file.key)
        except (BlobMissing, BlobDamaged) as error:
            if self._store.images.missing([image_id]):
                raise NoSuchImage(image_id) from error
            raise MaskLost(url) from error
        with Image.open(io.BytesIO(data), formats=["PNG"]) as mask:
            return mask.convert("L")

    def _read(self, image_id: str) -> Image.Image:
        try:
            data = self._store.blobs.picture(keys.source(image_id))
        except BlobMissing as error:
            raise NoSuchImage(image_id) from error
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                picture = image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise BlobDamaged(keys.source(image_id)) from error
        if not self._store.images.shows(image_id, bands(picture), picture.size):
            raise BlobDamaged(keys.source(image_id))
        self._last = (image_id, picture)
        return picture
