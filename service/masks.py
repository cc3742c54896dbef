"""The mask of an edit: read from what was sent or from where it is kept, and kept with the job."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from PIL import Image

import pictures
from api_schemas import AUTO, EditOptions, EditRequest, ErrorCode, InvertOptions, ModelInfo, Problem
from parameters import EmptyMask
from service import uploads
from service.errors import ServiceError
from store import BlobDamaged, BlobMissing, Store, StoreError, keys


def read(
    store: Store,
    request: EditRequest,
    sent: bytes | None,
    size: tuple[int, int],
    fit: str | None,
    pixels: int,
) -> bytes | None:
    """The mask of an edit as it is kept, from what was `sent` or from the path that the request names.

    Raises ServiceError: what `uploads.read_mask` raises, not_found, damaged.
    """
    if sent is None and request.mask is None:
        return None
    if sent is None:
        file = keys.of_url(str(request.mask))
        try:
            if file is None or file.image_id != request.image_id:
                raise BlobMissing
            sent = store.blobs.picture(file.key)
        except BlobMissing:
            detail = f"mask: there is no mask '{request.mask}' of this image."
            raise ServiceError(ErrorCode.NOT_FOUND, detail, parameter="mask") from None
        except BlobDamaged:
            detail = "mask: the stored one is damaged; send its picture again."
            raise ServiceError(ErrorCode.DAMAGED, detail, parameter="mask") from None
    return uploads.read_mask(sent, size, fit=fit, pixels=pixels)


def check_open(
    mask: bytes | None, inversion: InvertOptions, asked: EditOptions, model: ModelInfo | None
) -> None:
    """Raise ServiceError, empty_mask, if a mask allows nothing of what the model sees, image or region.

    A region that is still to be found is found around the mask. The model's size is not known, and so not
    checked, before any worker has served it.
    """
    if mask is None:
        return
    region = inversion.region
    with Image.open(io.BytesIO(mask), formats=["PNG"]) as image:
        part = image.convert("L")
    if region is not None:
        x, y, width, height = region
        part = part.crop((x, y, x + width, y + height))
        if part.getbbox() is None:
            raise _empty(f"it is black in all of the region {list(region)}, where alone the image is edited")
    if model is None or asked.region == AUTO:
        return
    seen = pictures.mask_seen(part, short=model.size, stride=model.stride)
    if seen.getbbox() is None:
        raise _empty(
            f"no pixel of the {seen.width}x{seen.height} picture that the model sees is white in it; "
            "paint more of it white"
        )


def _empty(reason: str) -> ServiceError:
    return ServiceError.of(Problem.of_error(EmptyMask(reason), parameter="mask"))


def named(request: EditRequest, mask: bytes | None) -> EditRequest:
    """The request with its mask named by the path under which it is kept."""
    if mask is None:
        return request
    return request.model_copy(update={"mask": keys.url(keys.mask(request.image_id, mask))})


@contextmanager
def kept(store: Store, image: str, mask: bytes | None) -> Iterator[None]:
    """While entered, the mask is stored for a job to be queued; if that is refused, it is removed again.

    The image's files must be locked meanwhile, so that no other request relies on the same mask. Raises
    StorageFull.
    """
    if mask is None:
        yield
        return
    key = keys.mask(image, mask)
    there = store.blobs.whole(key)
    if not there:
        store.blobs.put(key, mask)
    try:
        yield
    except BaseException:
        if not there:
            with suppress(StoreError):
                store.blobs.remove(key)
        raise
