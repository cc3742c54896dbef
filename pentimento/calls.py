"""What can be asked of the service: every request, and how its answer is read. Nothing is sent from here."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from pydantic import TypeAdapter

from api_schemas import (
    PICTURE_URL,
    Accepted,
    DeliveryList,
    Image,
    ImageList,
    InversionInfo,
    Job,
    JobList,
    MethodInfo,
    ModelInfo,
)
from parameters import Parameters
from pentimento.keywords import OF_A_PICTURE, Editing, Generating, Inverting, Listing, Submitting, check
from pentimento.pictures import Picture, encode, encode_mask

Answer = TypeVar("Answer")
PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Answer]):
    """One request; `read` makes the answer of its body, or raises pydantic's ValidationError."""

    method: str
    path: str
    read: Callable[[bytes], Answer]
    query: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes]] | None = None
    body: Any = None


def invert(image: Picture, prompt: str, how: Inverting) -> Call[Accepted]:
    """Send an image and what it shows. Raises TypeError for an unknown keyword."""
    check(how, Inverting.__optional_keys__)
    _check_prompts([prompt])
    params = how.get("params")
    options = {
        "prompt": prompt,
        "method": how.get("method") or _method_of(params),
        "steps": how.get("steps"),
        "preset": how.get("preset"),
        "model": how.get("model"),
        "fit": how.get("fit"),
        "region": _region(how.get("region")),
        "webhook_url": how.get("webhook_url"),
        "params": _plain(params),
    }
    return Call(
        method="POST",
        path="/invert",
        read=_json(Accepted),
        headers=_submission_headers(how),
        form=_as_form(options),
        files={"image": ("image", encode(image))},
    )


def generate(prompt: str, how: Generating) -> Call[Accepted]:
    """Let the model paint a picture. Raises TypeError for an unknown keyword."""
    check(how, Generating.__optional_keys__)
    of_the_call = {"cancel_after", "idempotency_key"}
    body = {name: value for name, value in how.items() if name not in of_the_call and value is not None}
    return Call(
        method="POST",
        path="/generate",
        read=_json(Accepted),
        headers=_submission_headers(how),
        body={"prompt": prompt, **body},
    )


def edit(image_id: str, prompt: str | Sequence[str], how: Editing) -> Call[Accepted]:
    """Ask for an edit by one target prompt, or by several. Raises TypeError for an unknown keyword."""
    check(how, Editing.__optional_keys__ - OF_A_PICTURE)
    body, mask = {"image_id": image_id, **_edit_body(prompt, how)}, _mask(how)
    return Call(
        method="POST",
        path="/edit",
        read=_json(Accepted),
        headers=_submission_headers(how),
        form=_as_form(body) if mask else None,
        files=mask or None,
        body=None if mask else body,
    )


def edit_picture(image: Picture, prompt: str | Sequence[str], how: Editing) -> Call[Accepted]:
    """Send a picture along with its edit. Raises TypeError for an unknown keyword."""
    check(how, Editing.__optional_keys__)
    of_the_picture = {name: how.get(name) for name in OF_A_PICTURE}
    return Call(
        method="POST",
        path="/edit",
        read=_json(Accepted),
        headers=_submission_headers(how),
        form=_as_form({**_edit_body(prompt, how), **of_the_picture}),
        files={"image": ("image", encode(image)), **_mask(how)},
    )


def _edit_body(prompt: str | Sequence[str], how: Editing) -> dict[str, Any]:
    _check_prompts([prompt] if isinstance(prompt, str) or not isinstance(prompt, Sequence) else prompt)
    params = how.get("params")
    body = {
        "prompt": prompt if isinstance(prompt, str) else None,
        "prompts": None if isinstance(prompt, str) else list(prompt),
        "inversion": _choice(how.get("inversion")),
        "method": how.get("method") or _method_of(params),
        "params": _plain(params),
        "preset": how.get("preset"),
        "guidance_scale": how.get("guidance_scale"),
        "negative_prompt": how.get("negative_prompt"),
        "seed": how.get("seed"),
        "mask": _mask_path(how),
        "region": _region(how.get("region")),
        "resolution": how.get("resolution"),
        "output_format": how.get("output_format"),
        "quality": how.get("quality"),
        "webhook_url": how.get("webhook_url"),
    }
    return {name: value for name, value in body.items() if value is not None}


def _mask(how: Editing) -> dict[str, tuple[str, bytes]]:
    """The mask to send along, if there is one that the service does not have."""
    mask = how.get("mask")
    return {} if mask is None or _mask_path(how) is not None else {"mask": ("mask", encode_mask(mask))}


def _mask_path(how: Editing) -> str | None:
    """The path by which the service knows the mask."""
    mask = how.get("mask")
    return mask if isinstance(mask, str) and re.fullmatch(PICTURE_URL, mask) else None


def invert_result(job_id: str, index: int, prompt: str | None, how: Submitting) -> Call[Accepted]:
    """Make a picture of an edit an image of its own. Raises TypeError for an unknown keyword."""
    check(how, Submitting.__optional_keys__)
    body = {
        "from_result": {"job_id": job_id, "index": index},
        "prompt": prompt,
        "webhook_url": how.get("webhook_url"),
    }
    return Call(
        method="POST",
        path="/images",
        read=_json(Accepted),
        headers=_submission_headers(how),
        body={name: value for name, value in body.items() if value is not None},
    )


def job(job_id: str) -> Call[Job]:
    """A job as it stands now."""
    return Call(method="GET", path=f"/jobs/{_safe(job_id)}", read=_json(Job))


def jobs(only: Listing, cursor: str | None, limit: int) -> Call[JobList]:
    """A page of jobs. Raises TypeError for an unknown keyword."""
    check(only, Listing.__optional_keys__)
    chosen = {name: str(value) for name, value in only.items() if value is not None}
    return Call(method="GET", path="/jobs", read=_json(JobList), query=_page(cursor, limit) | chosen)


def cancel(job_id: str) -> Call[Job]:
    """Cancel a job."""
    return Call(method="POST", path=f"/jobs/{_safe(job_id)}/cancel", read=_json(Job))


def deliveries(job_id: str) -> Call[DeliveryList]:
    """What became of a job's webhook."""
    return Call(method="GET", path=f"/jobs/{_safe(job_id)}/deliveries", read=_json(DeliveryList))


def image(image_id: str) -> Call[Image]:
    """An image as it stands now."""
    return Call(method="GET", path=f"/images/{_safe(image_id)}", read=_json(Image))


def images(cursor: str | None, limit: int) -> Call[ImageList]:
    """A page of images."""
    return Call(method="GET", path="/images", read=_json(ImageList), query=_page(cursor, limit))


def delete(image_id: str) -> Call[None]:
    """Remove an image."""
    return Call(method="DELETE", path=f"/images/{_safe(image_id)}", read=lambda _: None)


def models() -> Call[list[ModelInfo]]:
    """The models that are served now."""
    return Call(method="GET", path="/models", read=_json(list[ModelInfo]))


def methods() -> Call[list[MethodInfo]]:
    """The ways to invert and to edit."""
    return Call(method="GET", path="/methods", read=_json(list[MethodInfo]))


def download(path: str) -> Call[bytes]:
    """The bytes at a path that an answer named; raises ValueError for an address elsewhere."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"'{path}' is no path of the service; it would begin with one '/'")
    return Call(method="GET", path=path, read=bytes)


def _check_prompts(prompts: Sequence[object]) -> None:
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise TypeError(f"a prompt is a text, not of type {type(prompt).__name__}")


def _as_form(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields that are given, as text: JSON where they are more than that."""
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else str(value)
        for name, value in fields.items()
        if value is not None
    }


def _json(kind: type[Answer]) -> Callable[[bytes], Answer]:
    return TypeAdapter(kind).validate_json


def _page(cursor: str | None, limit: int) -> dict[str, str | int]:
    return {"limit": limit} | ({} if cursor is None else {"cursor": cursor})


def _submission_headers(how: Submitting) -> dict[str, str]:
    headers = {"Idempotency-Key": how.get("idempotency_key") or uuid4().hex}
    after = how.get("cancel_after")
    return headers if after is None else {**headers, "Cancel-After": after}


def _method_of(params: object) -> str | None:
    return params.name if isinstance(params, Parameters) else None


def _plain(params: Parameters | Mapping[str, Any] | None) -> Any:
    return params.model_dump(mode="json", exclude_unset=True) if isinstance(params, Parameters) else params


def _choice(inversion: InversionInfo | Mapping[str, Any] | None) -> Any:
    if isinstance(inversion, InversionInfo):
        return inversion.model_dump(mode="json", include={"method", "steps", "prompt", "params"})
    return inversion and {**inversion, "params": _plain(inversion.get("params"))}


def _region(region: Sequence[int] | str | None) -> Any:
    return region if region is None or isinstance(region, str) else list(region)


def _safe(name: str) -> str:
    return quote(name, safe="")
