"""The mask of an edit: read from what was sent or from where it is kept, and kept with the job."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from api_schemas import EditOptions, EditRequest, ErrorCode
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


def check_meets(mask: bytes | None, region: tuple[int, int, int, int] | None, asked: EditOptions) -> None:
    """Raise ServiceError, empty_mask, if a mask allows nothing within the region."""
    if mask is None or region is None or asked.params.combine_masks != "and":
        return
    if not uploads.opens(mask, region):
        detail = f"mask: it is black in all of the region {list(region)}, where alone the image is edited."
        raise ServiceError(ErrorCode.EMPTY_MASK, detail, parameter="mask")


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
