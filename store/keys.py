"""Names of things: Redis keys, ids, and keys of stored files."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ulid import ULID

from api_schemas import JOB_ID, PICTURE_URL, InvertOptions, OutputFormat
from store.names import NAMES

QUEUE: Final = "pentimento"
SUFFIXES: Final = {OutputFormat.PNG: "png", OutputFormat.JPEG: "jpg", OutputFormat.WEBP: "webp"}


def new_job_id() -> str:
    """A fresh id; ids sort by the time of their making."""
    return f"job_{str(ULID()).lower()}"


def is_job_id(text: str) -> bool:
    """Whether `new_job_id` may have made this."""
    return re.fullmatch(JOB_ID, text) is not None


# Raise it when the default of a parameter changes: only what differs from the defaults is hashed, so that a
# new parameter leaves every id as it is.
_VERSION: Final = 1


class RecordKey(NamedTuple):
    """Which inversion of which image."""

    image_id: str
    record_id: str


def image_id(pixels: Iterable[bytes], size: tuple[int, int], tenant: str = "default") -> str:
    """The id of a picture: `pixels` are its decoded RGB bytes, in parts. No two tenants share an id."""
    return f"img_{_digest([_VERSION, tenant, size], pixels)}"


def painted_id(options: InvertOptions, tenant: str = "default") -> str:
    """The id of a picture that is to be painted: by what was asked for, since it does not exist yet."""
    params = options.params.model_dump(mode="json", exclude_defaults=True)
    asked = [_VERSION, tenant, "painted", options.model, options.prompt, options.steps, params]
    return f"img_{_digest(asked)}"


def record_id(image_id: str, options: InvertOptions) -> str:
    """The id of the inversion of an image that these options describe, by the model that they name."""
    params = options.params.model_dump(mode="json", exclude_defaults=True)
    asked = [_VERSION, image_id, options.model, options.prompt, options.method, options.steps, params]
    if options.region is not None:
        asked.append(options.region)
    return f"rec_{_digest(asked)}"


def _digest(facts: list[Any], more: Iterable[bytes] = ()) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + b"\0")
    for part in more:
        digest.update(part)
    return base64.b32encode(digest.digest()).decode().lower()[:26]


def job(job_id: str) -> str:
    """Redis: the hash of a job."""
    return NAMES["job"].format(job_id)


def image(image_id: str) -> str:
    """Redis: the hash of an image."""
    return NAMES["image"].format(image_id)


def record(image_id: str, record_id: str) -> str:
    """Redis: the hash of an inversion of an image."""
    return NAMES["record"].format(image_id, record_id)


def records(image_id: str) -> str:
    """Redis: the ids of an image's inversions, by time."""
    return NAMES["records"].format(image_id)


def waiting(image_id: str, record_id: str) -> str:
    """Redis: the edits that wait for an inversion, in their order."""
    return NAMES["waiting"].format(image_id, record_id)


def events(job_id: str) -> str:
    """Redis: the stream of what happened to a job."""
    return NAMES["events"].format(job_id)


def preview(job_id: str) -> str:
    """Redis: the picture of what a job has by now."""
    return NAMES["preview"].format(job_id)


def webhooks(job_id: str) -> str:
    """Redis: the URLs to call when a job has ended."""
    return NAMES["webhooks"].format(job_id)


def deliveries(job_id: str) -> str:
    """Redis: the record of each try to call them."""
    return NAMES["deliveries"].format(job_id)


def jobs_of(image_id: str) -> str:
    """Redis: the ids of the jobs on an image, by time."""
    return NAMES["jobs_of"].format(image_id)


def jobs_by(tenant: str) -> str:
    """Redis: the ids of a tenant's jobs, by time."""
    return NAMES["jobs_by"].format(tenant)


def images_by(tenant: str) -> str:
    """Redis: the ids of a tenant's images, by time."""
    return NAMES["images_by"].format(tenant)


def folder(image_id: str) -> str:
    """Files: everything that belongs to an image."""
    return f"images/{image_id}/"


def source(image_id: str) -> str:
    """Files: the picture as it was sent, re-encoded."""
    return f"images/{image_id}/source.png"


def working(image_id: str, record_id: str) -> str:
    """Files: the picture as the model of an inversion sees it."""
    return f"images/{image_id}/records/{record_id}/working.png"


def reconstruction(image_id: str, record_id: str) -> str:
    """Files: what the model makes of an inversion."""
    return f"images/{image_id}/records/{record_id}/reconstruction.png"


def record_file(image_id: str, record_id: str, name: str) -> str:
    """Files: one part of an inversion."""
    return f"images/{image_id}/records/{record_id}/{name}"


def quarantine(image_id: str, record_id: str, name: str) -> str:
    """Files: one part of an inversion that was found damaged."""
    return f"images/{image_id}/records/{record_id}/quarantine/{name}"


def result(image_id: str, png: bytes) -> str:
    """Files: a picture by its content."""
    return f"images/{image_id}/results/{hashlib.sha256(png).hexdigest()}.png"


def mask(image_id: str, png: bytes) -> str:
    """Files: a mask that was sent for the image, by its content."""
    return f"images/{image_id}/masks/{hashlib.sha256(png).hexdigest()}.png"


def url(key: str, form: OutputFormat = OutputFormat.PNG, quality: int | None = None) -> str:
    """The path under which the service serves a file: the key itself, from the root.

    A picture is served in any format by its suffix; `quality` is of those that lose something.
    """
    if form is OutputFormat.PNG:
        return f"/{key}"
    query = "" if quality is None else f"?quality={quality}"
    return f"/{key.removesuffix('png')}{SUFFIXES[form]}{query}"


class Picture(NamedTuple):
    """A stored picture, and the image that it belongs to."""

    image_id: str
    key: str


def of_url(url: str) -> Picture | None:
    """The picture that an answer named by `url`, in whatever format and under whatever host and path."""
    found = re.fullmatch(PICTURE_URL, url)
    return None if found is None else Picture(found[1], f"images/{found[1]}/{found[2]}.png")
