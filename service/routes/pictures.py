"""The pictures that belong to an image, in the format and the size that are asked for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from api_schemas import RECORD_ID, ErrorCode, OutputFormat
from service import formats, openapi
from service.answers import no_image
from service.auth import TheCaller
from service.conversions import Conversions
from service.errors import ServiceError
from service.following import unless_left
from service.routes.common import ImagePath, TheStore
from store import BlobMissing, Store, keys

router = APIRouter(tags=["images"])

_SUFFIX = r"(\.(png|jpg|webp))?$"
Name = Annotated[
    str,
    Path(
        pattern=r"^(source|working|reconstruction)" + _SUFFIX,
        description="`source`: upright, in RGB, without metadata. `working`: cut and scaled to the model's "
        "size. `reconstruction`: what the model makes of the inversion without an edit. The suffix `.png`, "
        "`.jpg` or `.webp` names the format.",
        examples=["source.png", "working.jpg", "reconstruction"],
    ),
]
Digest = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{64}" + _SUFFIX,
        description="The SHA-256 of the picture as PNG; the suffix names the format.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.webp"],
    ),
]

Record = Annotated[
    str,
    Path(
        pattern=RECORD_ID,
        description="The inversion, as `inversions` of the image names it.",
        examples=["rec_mfzgs3tbonrw65dfon2gk4tfmq"],
    ),
]
OfRecord = Annotated[str, Path(pattern=r"^(working|reconstruction)" + _SUFFIX, examples=["working.png"])]

_FOR_EVER = "max-age=31536000, immutable"
_TEXT = {"type": "string"}
_HEADERS = {
    "ETag": {"description": "Names these very bytes.", "schema": _TEXT},
    "Cache-Control": {"description": "How long they may be kept.", "schema": _TEXT},
    "Vary": {"description": "`Accept`, where that chose the format.", "schema": _TEXT},
}
_RESPONSES: dict[int | str, openapi.Json] = {
    200: {
        "description": "The picture.",
        "content": formats.content(*OutputFormat),
        "headers": _HEADERS,
    },
    304: {"description": "The client has the picture already.", "headers": _HEADERS},
    **openapi.problems(
        ErrorCode.NOT_FOUND, ErrorCode.DAMAGED, ErrorCode.VALIDATION_ERROR, ErrorCode.QUEUE_UNAVAILABLE
    ),
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a client would like to have a picture, and what it is served from."""

    request: Request
    store: Store
    tenant: str
    accept: str
    quality: int
    width: int
    known: str


async def _wish(
    request: Request,
    store: TheStore,
    caller: TheCaller,
    accept: Annotated[
        str,
        Header(
            alias="Accept",
            description="Chooses the format where the address does not; PNG if this does not either. "
            f"`{formats.BYTES}` answers under that name.",
        ),
    ] = "",
    quality: Annotated[
        int, Query(ge=1, le=100, description="Of JPEG and WebP; PNG loses nothing and ignores it.")
    ] = formats.QUALITY,
    width: Annotated[
        int,
        Query(
            ge=0, le=8192, description="Pixels that it is to be wide at most; 0 leaves it as large as it is."
        ),
    ] = 0,
    known: Annotated[
        str, Header(alias="If-None-Match", description="ETags of pictures the client already has.")
    ] = "",
) -> Wish:
    return Wish(
        request=request,
        store=store,
        tenant=caller.tenant,
        accept=accept,
        quality=quality,
        width=width,
        known=known,
    )


TheWish = Annotated[Wish, Depends(_wish)]


@router.get(
    "/images/{image_id}/{name}",
    response_class=Response,
    responses=_RESPONSES,
    summary="A picture of the image",
)
async def picture(image_id: ImagePath, name: Name, wish: TheWish) -> Response:
    """As it was sent, as the model sees it, or as the inversion gives it back; the last two once it is done.

    They are of the image's own inversion. No edit can keep more of the source than the reconstruction does.
    """
    if name.startswith("source"):
        return await _serve(wish, image_id, name, _FOR_EVER)
    return await _serve(wish, image_id, name, "no-cache", of_own=True)


@router.get(
    "/images/{image_id}/records/{record_id}/{name}",
    response_class=Response,
    responses=_RESPONSES,
    summary="A picture of an inversion",
)
async def picture_of_inversion(
    image_id: ImagePath, record_id: Record, name: OfRecord, wish: TheWish
) -> Response:
    """As the model sees the image, or as the inversion gives it back."""
    return await _serve(wish, image_id, f"records/{record_id}/{name}", "no-cache")


@router.get(
    "/images/{image_id}/results/{digest}",
    response_class=Response,
    responses=_RESPONSES,
    summary="A picture made by an edit",
)
async def result(image_id: ImagePath, digest: Digest, wish: TheWish) -> Response:
    """An edited picture, a mask or a picture of attention, as the job's result names it."""
    return await _serve(wish, image_id, f"results/{digest}", _FOR_EVER)


@router.get(
    "/images/{image_id}/masks/{digest}",
    response_class=Response,
    responses=_RESPONSES,
    summary="A mask that was sent with an edit",
)
async def mask(image_id: ImagePath, digest: Digest, wish: TheWish) -> Response:
    """Of the image's size, white where it may change, as the job's `request` names it."""
    return await _serve(wish, image_id, f"masks/{digest}", _FOR_EVER)


async def _serve(wish: Wish, image_id: str, file: str, kept: str, *, of_own: bool = False) -> Response:
    stem, asked = formats.named(file)
    form = asked or formats.accepted(wish.accept)

    def read() -> bytes:
        image = wish.store.images.get(image_id, wish.tenant)
        if image is None:
            raise no_image(image_id)
        folder = keys.folder(image_id)
        if of_own:
            folder += f"records/{next(each.id for each in image.inversions if each.own)}/"
        try:
            return wish.store.blobs.picture(f"{folder}{stem}.png")
        except BlobMissing:
            raise ServiceError(ErrorCode.NOT_FOUND, "There is no such picture, or not yet.") from None

    conversions: Conversions = wish.request.app.state.conversions
    converting = conversions.convert(wish.tenant, read, form, wish.quality, wish.width)
    picture = await unless_left(wish.request, converting)
    if picture is None:
        raise ClientDisconnect
    etag = f'"{picture.digest}"'
    headers = {"ETag": etag, "Cache-Control": f"private, {kept}"}
    if asked is None:
        headers["Vary"] = "Accept"
    known = {tag.strip().removeprefix("W/") for tag in wish.known.split(",")}
    if known & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(picture.data, headers=headers, media_type=formats.media_type(form, wish.accept))
