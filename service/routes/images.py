"""Image records: what was sent, and what became of it."""

from fastapi import APIRouter

from api_schemas import ErrorCode, Image
from service import openapi
from service.routes.common import ImagePath, TheStore
from service.submit import no_image

router = APIRouter(tags=["images"])


@router.get(
    "/images/{image_id}",
    summary="Look at an image",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def get_image(image_id: ImagePath, store: TheStore) -> Image:
    """What was sent, and whether it can be edited yet."""
    image = store.images.get(image_id)
    if image is None:
        raise no_image(image_id)
    return image


@router.delete(
    "/images/{image_id}",
    status_code=204,
    summary="Delete an image",
    responses=openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE),
)
def delete_image(image_id: ImagePath, store: TheStore) -> None:
    """Remove the picture, its inversion and all its results; jobs on it that have not ended are canceled."""
    if not store.delete_image(image_id):
        raise no_image(image_id)
