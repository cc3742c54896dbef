"""Stored records as the wire has them."""

import json
from datetime import UTC, datetime
from time import time

from api_schemas import (
    EditResult,
    Image,
    ImageStatus,
    InvertResult,
    Job,
    JobKind,
    JobStatus,
    Links,
    Problem,
    Progress,
)
from store import keys


def wire_job(job_id: str, fields: dict[str, str]) -> Job:
    """A job from the fields of its hash."""
    result: InvertResult | EditResult | None = None
    if "result" in fields:
        if fields["kind"] == JobKind.INVERT:
            found = InvertResult.model_validate_json(fields["result"])
            result = found.model_copy(update={"cached": True}) if "cached" in fields else found
        else:
            result = EditResult.model_validate_json(fields["result"])
    status = JobStatus(fields["status"])
    progress = Progress.model_validate_json(fields["progress"]) if "progress" in fields else None
    if progress is not None and status.terminal:
        progress = progress.model_copy(update={"preview_url": None})
    return Job(
        id=job_id,
        kind=JobKind(fields["kind"]),
        status=status,
        image_id=fields["image_id"],
        progress=progress,
        eta_s=_remaining(fields),
        created_at=when(fields["created"]),
        started_at=when(fields["started"]) if "started" in fields else None,
        finished_at=when(fields["finished"]) if "finished" in fields else None,
        deadline_at=when(fields["deadline"]) if "deadline" in fields else None,
        expires_at=when(fields["expires"]),
        request=json.loads(fields.get("request", "{}")),
        warnings=json.loads(fields.get("warnings", "[]")),
        result=result,
        error=Problem.model_validate_json(fields["error"]) if "error" in fields else None,
        links=Links.of(job_id, fields["image_id"]),
    )


def tenants_job(job_id: str, fields: dict[str, str], tenant: str) -> Job | None:
    """That job if it is of this tenant."""
    return wire_job(job_id, fields) if fields.get("tenant") == tenant else None


def wire_image(image_id: str, fields: dict[str, str]) -> Image:
    """An image from the fields of its hash."""
    about = json.loads(fields["about"])
    ready = fields["status"] == ImageStatus.READY
    return Image(
        id=image_id,
        status=ImageStatus(fields["status"]),
        prompt=about["prompt"],
        model=about["model"],
        method=about["method"],
        steps=about["steps"],
        params=about["params"],
        width=about["width"],
        height=about["height"],
        source_url=keys.url(keys.source(image_id)),
        job_id=fields["job_id"],
        created_at=when(fields["created"]),
        expires_at=when(fields["expires"]),
        result=InvertResult.model_validate_json(fields["result"]) if ready else None,
        error=Problem.model_validate_json(fields["error"]) if "error" in fields else None,
    )


def tenants_image(image_id: str, fields: dict[str, str], tenant: str) -> Image | None:
    """That image if it is of this tenant."""
    return wire_image(image_id, fields) if fields.get("tenant") == tenant else None


def _remaining(fields: dict[str, str]) -> float | None:
    if "eta" not in fields:
        return None
    age = time() - int(fields["progressed"]) / 1000
    return max(0.0, float(fields["eta"]) - max(0.0, age))


def when(milliseconds: str) -> datetime:
    """A stored time as the wire has it."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
