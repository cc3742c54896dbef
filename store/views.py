"""Stored records as the wire has them."""

import json
from datetime import UTC, datetime
from time import time
from typing import Final

from api_schemas import (
    EditResult,
    Image,
    ImageStatus,
    Inversion,
    InversionInfo,
    InvertOptions,
    InvertResult,
    Job,
    JobKind,
    JobStatus,
    Links,
    Notice,
    Problem,
    Progress,
)
from store import keys

# The fields of an image's hash, and the id and the fields of each of its inversions, as a script has them.
Stored = tuple[list[str], list[tuple[str, list[str]]]]
_OF_ITS_OWN: Final = {"status", "prompt", "model", "method", "steps", "params", "job_id", "result", "error"}


def wire_job(job_id: str, fields: dict[str, str]) -> Job:
    """A job from the fields of its hash."""
    result: InvertResult | EditResult | None = None
    if "result" in fields:
        if fields["kind"] != JobKind.EDIT:
            found = InvertResult.model_validate_json(fields["result"])
            result = found.model_copy(update={"cached": True}) if "cached" in fields else found
        else:
            result = EditResult.model_validate_json(fields["result"])
    status = JobStatus(fields["status"])
    progress = Progress.model_validate_json(fields["progress"]) if "progress" in fields else None
    return Job(
        id=job_id,
        kind=JobKind(fields["kind"]),
        status=status,
        image_id=fields["image_id"],
        progress=progress_at(status, progress),
        eta_s=_remaining(fields),
        created_at=when(fields["created"]),
        started_at=when(fields["started"]) if "started" in fields else None,
        finished_at=when(fields["finished"]) if "finished" in fields else None,
        deadline_at=when(fields["deadline"]) if "deadline" in fields else None,
        expires_at=when(fields["expires"]),
        request=json.loads(fields.get("request", "{}")),
        warnings=_warnings(fields, result),
        result=result,
        error=Problem.model_validate_json(fields["error"]) if "error" in fields else None,
        links=Links.of(job_id, fields["image_id"]),
    )


def progress_at(status: JobStatus, last: Progress | None) -> Progress | None:
    """How far a job is, from the last report of its worker: all of it once it has succeeded."""
    if status is JobStatus.SUCCEEDED:
        last = last or Progress(phase="save", step=1, total=1)
        return last.model_copy(update={"step": last.total, "percent": 100.0, "preview_url": None})
    return last.model_copy(update={"preview_url": None}) if last and status.terminal else last


def tenants_job(job_id: str, fields: dict[str, str], tenant: str) -> Job | None:
    """That job if it is of this tenant."""
    return wire_job(job_id, fields) if fields.get("tenant") == tenant else None


def wire_image(image_id: str, stored: Stored) -> Image | None:
    """An image and its inversions; None if it is gone, or is of a version that knew only one of each."""
    fields = _fields(stored[0])
    records = [(record_id, _fields(flat)) for record_id, flat in stored[1]]
    inversions = [_inversion(record_id, found, fields) for record_id, found in records]
    own = next((each for each in inversions if each.own), None)
    if own is None:
        return None
    return Image(
        id=image_id,
        **own.model_dump(include=_OF_ITS_OWN),
        width=int(fields["width"]),
        height=int(fields["height"]),
        fit=fields.get("fit") or None,
        source_url=keys.url(keys.source(image_id)),
        created_at=when(fields["created"]),
        expires_at=when(fields["expires"]),
        inversions=inversions,
    )


def tenants_image(image_id: str, stored: Stored, tenant: str) -> Image | None:
    """That image if it is of this tenant."""
    return wire_image(image_id, stored) if _fields(stored[0]).get("tenant") == tenant else None


def _inversion(record_id: str, fields: dict[str, str], image: dict[str, str]) -> Inversion:
    own = record_id == image.get("own", "")
    # Read as it was stored: the method of an inversion may be one that is not installed any more.
    return Inversion(
        **{**json.loads(fields["about"]), "id": record_id},
        status=ImageStatus(fields["status"]),
        own=own,
        chosen=own and "chosen" in image,
        job_id=fields["job_id"],
        created_at=when(fields["created"]),
        bytes=int(fields["bytes"]) if "bytes" in fields else None,
        result=InvertResult.model_validate_json(fields["result"]) if "result" in fields else None,
        error=Problem.model_validate_json(fields["error"]) if "error" in fields else None,
    )


def inversion_info(record_id: str, options: InvertOptions) -> InversionInfo:
    """What distinguishes this inversion from others; the options must name the model."""
    described = options.model_dump(mode="json", exclude={"webhook_url"})
    return InversionInfo.model_validate({"id": record_id, **described})


def _fields(flat: list[str]) -> dict[str, str]:
    """A hash as a script has it: names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _warnings(fields: dict[str, str], result: InvertResult | EditResult | None) -> list[Notice]:
    """What was noticed when the job was asked for, while it ran, and of the picture itself."""
    notices = [*json.loads(fields.get("noticed", "[]")), *json.loads(fields.get("warnings", "[]"))]
    of_the_picture = result.warnings if isinstance(result, InvertResult) else []
    return [*(Notice.model_validate(each) for each in notices), *of_the_picture]


def _remaining(fields: dict[str, str]) -> float | None:
    if "eta" not in fields:
        return None
    age = time() - int(fields["progressed"]) / 1000
    return max(0.0, float(fields["eta"]) - max(0.0, age))


def when(milliseconds: str) -> datetime:
    """A stored time as the wire has it."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
