"""The keywords of requests, as type checkers and editors read them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

from api_schemas import InversionInfo
from parameters import EditParameters, InversionParameters
from pentimento.pictures import Picture


class Submitting(TypedDict, total=False):
    """Keywords of every request for work."""

    cancel_after: str | None  # give the job up after this long: "90s", "5m", "1h30m"
    webhook_url: str | None  # where the service is to POST the ended job
    idempotency_key: str | None  # one is made for every call; name one to repeat a call of another process


class Inverting(Submitting, total=False):
    """How an image can be inverted; what is left out is the service's default."""

    method: str | None
    steps: int | None
    params: InversionParameters | Mapping[str, Any] | None
    preset: str | None  # "published": the settings of the method's paper
    model: str | None
    fit: str | None  # crop, pad or stretch a picture that is longer than 2:1
    region: Sequence[int] | str | None  # invert only this part: x, y, width, height in pixels of the image


class Generating(Submitting, total=False):
    """How a picture is painted; what is left out is the service's default."""

    negative_prompt: str | None
    seed: int
    width: int | None
    height: int | None
    steps: int
    guidance_scale: float | None
    model: str | None


class Editing(Submitting, total=False):
    """How an image can be edited; what is left out is the service's default.

    `inversion` is one that an answer named, or what is to be different from the image's own: `method`,
    `steps`, `prompt`, `params`. Left out, it is the one that was asked for with what names the image; where
    that is only an id, or with None, it is the image's own.
    """

    inversion: InversionInfo | Mapping[str, Any] | None
    method: str | None
    params: EditParameters | Mapping[str, Any] | None
    preset: str | None  # "published": the settings of the method's paper
    guidance_scale: float | None
    negative_prompt: str | None
    seed: int | None
    mask: Picture | None  # white where the image may change; or the path of one that an answer named
    region: Sequence[int] | str | None  # edit only this part: x, y, width, height; or "auto"
    resolution: str | None  # source: the image at its own size; model: as the model made it
    output_format: str | None  # png, jpeg or webp
    quality: int | None  # 1 to 100, of jpeg and webp
    source_prompt: str | None  # what it shows: the image is a picture that is sent along
    model: str | None  # of a picture that is sent along
    fit: str | None  # of a picture that is sent along: crop, pad or stretch one that is longer than 2:1


OF_A_PICTURE = frozenset({"source_prompt", "model", "fit"})


class Listing(TypedDict, total=False):
    """Which jobs to list."""

    status: str | None
    kind: str | None
    image_id: str | None


def check(given: Mapping[str, object], known: Collection[str]) -> None:
    """Raise TypeError for an unknown keyword; it would do nothing."""
    for name in given:
        if name not in known:
            raise TypeError(f"there is no keyword '{name}'; there is: {', '.join(sorted(known))}")
