"""Image records: what was sent, and what became of it."""

from fastapi import APIRouter

from api_schemas import ErrorCode, Image, ImageList
from service import openapi
from service.answers import no_image
from service.auth import TheCaller
from service.routes.common import Cursor, ImagePath, Limit, TheStore, bad_cursor
from store import BadCursor

router = APIRouter(tags=["images"])


@router.get(
    "/images",
    summary="List the images",
    responses=openapi.problems(ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def list_images(store: TheStore, caller: TheCaller, limit: Limit = 50, cursor: Cursor = None) -> ImageList:
    """The images that can be edited or will be, newest first; new ones do not move the pages."""
    try:
        images, following = store.images.page(caller.tenant, limit=limit, cursor=cursor)
    except BadCursor:
        raise bad_cursor() from None
    return ImageList(images=images, next_cursor=following)


@router.get(
    "/images/{image_id}",
    summary="Look at an image",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def get_image(image_id: ImagePath, store: TheStore, caller: TheCaller) -> Image:
    """What was sent, and whether it can be edited yet."""
    image = store.images.get(image_id, caller.tenant)
    if image is None:
        raise no_image(image_id)
    return image


@router.delete(
    "/images/{image_id}",
    status_code=204,
    summary="Delete an image",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def delete_image(image_id: ImagePath, store: TheStore, caller: TheCaller) -> None:
    """Remove the picture, its inversion and all its results; jobs on it that have not ended are canceled."""
    if not store.delete_image(image_id, caller.tenant):
        raise no_image(image_id)
