"""Images and their inversions: what was sent, and what can be edited yet."""

from collections.abc import Iterable
from typing import Any

from api_schemas import Image, InvertOptions
from store import keys, pages
from store.scripts import Scripts
from store.views import tenants_image, wire_image


class ImageStore:
    """Reads of images; they change only together with the jobs that make their inversions."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, "page", "images")

    def get(self, image_id: str, tenant: str = "default") -> Image | None:
        """The image as it stands now, or None if the tenant never sent it or it was deleted."""
        return tenants_image(image_id, self._scripts.run("images", image_id)[0], tenant)

    def page(self, tenant: str, *, limit: int, cursor: str | None = None) -> tuple[list[Image], str | None]:
        """The tenant's images, newest first, from `cursor` on, and the cursor of the next page if any.

        Raises BadCursor.
        """
        ids, after = pages.read(self._scripts, keys.images_by(tenant), keys.image(""), limit, cursor, {})
        found = zip(ids, self._scripts.run("images", *ids), strict=True)
        images = (wire_image(image_id, stored) for image_id, stored in found)
        return [image for image in images if image is not None], after

    def shows(self, image_id: str, pixels: Iterable[bytes], size: tuple[int, int]) -> bool:
        """Whether the image is of these decoded pixels; one that is gone, or was painted here, is of any."""
        tenant, painted = self._redis.hmget(keys.image(image_id), "tenant", "painted")
        return tenant is None or painted is not None or keys.image_id(pixels, size, tenant) == image_id

    def painting(self, image_id: str) -> InvertOptions | None:
        """How the image was painted; None of one that was sent."""
        record = self._redis.hget(keys.image(image_id), "painted")
        about = record and self._redis.hget(keys.record(image_id, record), "about")
        return InvertOptions.model_validate_json(about) if about else None

    def missing(self, image_ids: list[str]) -> list[str]:
        """Those of the images that were never sent or were deleted."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for image_id in image_ids:
                pipeline.exists(keys.image(image_id))
            there = pipeline.execute()
        return [image_id for image_id, found in zip(image_ids, there, strict=True) if not found]
