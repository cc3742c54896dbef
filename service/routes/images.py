"""Images, and the pictures that belong to them."""

import hashlib
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from api_schemas import ErrorCode, Image
from service import openapi
from service.errors import ServiceError
from service.routes.common import ImagePath, TheStore
from service.submit import no_image
from store import BlobMissing, Store, keys

router = APIRouter(tags=["images"])


class Picture(StrEnum):
    """The pictures that every image has."""

    SOURCE = "source"
    WORKING = "working"
    RECONSTRUCTION = "reconstruction"


Etags = Annotated[
    str | None, Header(alias="If-None-Match", description="ETags of pictures the client already has.")
]
Name = Annotated[
    Picture,
    Path(
        description="`source`: upright, in RGB, without metadata. `working`: cut and scaled to the model's "
        "size. `reconstruction`: what the model makes of the inversion without an edit."
    ),
]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the picture.")]

_FOR_EVER = "max-age=31536000, immutable"
_PICTURE: openapi.Json = {
    "description": "The picture.",
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {"ETag": {"description": "Names these very bytes.", "schema": {"type": "string"}}},
}
_FILE_RESPONSES: dict[int | str, openapi.Json] = {
    200: _PICTURE,
    304: {"description": "The client has the picture already."},
    **openapi.problems(ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR),
}


class PngResponse(Response):
    """A picture."""

    media_type = "image/png"


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


@router.get(
    "/images/{image_id}/{name}.png",
    response_class=PngResponse,
    responses=_FILE_RESPONSES,
    summary="A picture of the image",
)
def picture(image_id: ImagePath, name: Name, store: TheStore, known: Etags = None) -> Response:
    """As it was sent, as the model sees it, or as the inversion gives it back; the last two once it is done.

    No edit can keep more of the source than the reconstruction does.
    """
    key = f"{keys.folder(image_id)}{name}.png"
    return _serve(store, key, known, may_change=name is not Picture.SOURCE)


@router.get(
    "/images/{image_id}/results/{digest}.png",
    response_class=PngResponse,
    responses=_FILE_RESPONSES,
    summary="A picture made by an edit",
)
def result(image_id: ImagePath, digest: Digest, store: TheStore, known: Etags = None) -> Response:
    """An edited picture, a mask or a picture of attention, as the job's result names it."""
    return _serve(store, f"{keys.folder(image_id)}results/{digest}.png", known)


def _serve(store: Store, key: str, known: str | None, *, may_change: bool = False) -> Response:
    try:
        data = store.blobs.get(key)
    except BlobMissing:
        raise ServiceError(ErrorCode.NOT_FOUND, "There is no such picture, or not yet.") from None
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": f"private, {'no-cache' if may_change else _FOR_EVER}"}
    if known is not None and etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return PngResponse(data, headers=headers)
