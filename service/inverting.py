"""From a picture that was sent to its queued inversion."""

from collections.abc import Callable
from dataclasses import replace

from api_schemas import Accepted, InvertOptions
from parameters import INVERSIONS
from pictures import bands
from service import knowing, uploads
from service.answers import accepted, no_room, queue_full
from service.checks import check_inversion, check_sendable
from service.inversions import of_region
from service.models import meant
from store import Ask, QueueFull, StorageFull, Store, Submission, image_id, keys, record_id


def submit_invert(store: Store, options: InvertOptions, data: bytes, ask: Ask, pixels: int) -> Accepted:
    """Keep the image, scaled to at most so many `pixels`, and queue its inversion or answer from a known one.

    Raises ServiceError: what `uploads.read` and `check_inversion` raise, unknown_model, insufficient_storage,
    queue_full.
    """
    return submit_upload(store, options, lambda: uploads.read(data, fit=options.fit, pixels=pixels), ask)


def submit_upload(
    store: Store, options: InvertOptions, read: Callable[[], uploads.Upload], ask: Ask
) -> Accepted:
    """As `submit_invert`, of an image that is read once the options are found to be good."""
    model = meant(store, options.model)
    check_sendable(options.method)
    check_inversion(options, model.info)
    upload = read()
    options = of_region(options, options.region, upload.image.size)
    image = image_id(bands(upload.image), upload.image.size, ask.tenant)
    ask = replace(ask, warnings=(*upload.warnings, *knowing.doubts(model.info, [options.prompt])))
    options = options.model_copy(update={"model": model.name})
    return accepted(queue_inversion(store, image, upload, options, ask), ask.warnings)


def queue_inversion(
    store: Store, image: str, upload: uploads.Upload, options: InvertOptions, ask: Ask
) -> Submission:
    """Keep the picture of an image, and queue its inversion by these options, which name the model.

    Raises ServiceError: insufficient_storage, queue_full.
    """

    def queue() -> Submission:
        keep(store, image, upload)
        width, height = upload.image.size
        return store.jobs.submit_invert(
            image, options, model=str(options.model), width=width, height=height, ask=ask
        )

    return making(store, image, options, queue)


def keep(store: Store, image: str, upload: uploads.Upload) -> None:
    """Keep the picture of an image unless it is there; its files are locked. Raises StorageFull."""
    if not store.blobs.whole(keys.source(image)):
        store.blobs.put(keys.source(image), upload.png)


def making(store: Store, image: str, options: InvertOptions, queue: Callable[[], Submission]) -> Submission:
    """What `queue` gives for an inversion of the image; one whose pictures are damaged is made again.

    Raises ServiceError: insufficient_storage, queue_full.
    """
    try:
        with store.files(image):
            record = record_id(image, options)
            shown = [keys.working(image, record), keys.reconstruction(image, record)]
            if INVERSIONS[options.method].paints:
                shown.append(keys.source(image))
            if store.jobs.is_made(image, record) and not all(map(store.blobs.whole, shown)):
                store.jobs.unmake(image, record)
            return queue()
    except StorageFull:
        raise no_room("image") from None
    except QueueFull as full:
        store.sweep_image(image)
        raise queue_full(full) from None
