"""What people and scripts get to see: results on stdout, everything else on stderr."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from api_schemas import (
    Chosen,
    EditResult,
    Image,
    Inversion,
    InvertResult,
    Job,
    JobStatus,
    MethodInfo,
    ModelInfo,
    Notice,
    Problem,
    Progress,
)
from pentimento.progress import err

__all__ = [
    "err",
    "facts",
    "images_table",
    "jobs_table",
    "methods_table",
    "models_table",
    "out",
    "parameters_table",
    "print_json",
    "tell_chosen",
    "warn",
]

out = Console(highlight=False, emoji=False, soft_wrap=True)


def warn(warnings: Iterable[Notice]) -> None:
    """What may be amiss, on stderr."""
    for warning in warnings:
        err.print(f"warning: {warning.message}", style="yellow", markup=False)


def tell_chosen(chosen: Chosen | None) -> None:
    """What `auto` chose and why, on stderr."""
    if chosen is None:
        return
    painted = " / ".join(chosen.prompts)
    err.print(f"auto: {chosen.method} on {chosen.inversion} for '{painted}'. {chosen.why}", markup=False)


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """One JSON document on stdout."""
    if isinstance(value, BaseModel):
        document: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        document = value
    else:
        document = [item.model_dump(mode="json") for item in value]
    out.print(json.dumps(document, indent=2), markup=False)


def jobs_table(jobs: Iterable[Job]) -> str:
    """The jobs, one per line; the ids are whole, so that they can be copied."""
    rows = [(job.id, job.kind, job.status, _done(job), job.image_id, _time(job.created_at)) for job in jobs]
    return _table(("job", "kind", "status", "done", "image", "created"), rows)


def images_table(images: Iterable[Image]) -> str:
    """The images, one per line."""
    rows = [
        (image.id, image.status, image.method, image.prompt, _time(image.created_at), _time(image.expires_at))
        for image in images
    ]
    return _table(("image", "status", "method", "prompt", "created", "expires"), rows)


def models_table(models: Iterable[ModelInfo]) -> str:
    """The models, one per line."""
    rows = [
        (
            each.name,
            each.family,
            f"{each.size} px",
            each.device,
            str(each.workers),
            "demo" if each.demo else "",
        )
        for each in models
    ]
    return _table(("model", "family", "size", "device", "workers", ""), rows)


def methods_table(methods: Iterable[MethodInfo]) -> str:
    """The ways to invert and to edit, one per line."""
    rows = [
        (method.name, method.kind, "default" if method.default else "", method.summary) for method in methods
    ]
    return _table(("method", "kind", "", "what it does"), rows)


def parameters_table(method: MethodInfo) -> str:
    """All that can be set about a method, one per line."""
    names = list(dict.fromkeys([*method.params_schema["properties"], *method.published]))
    fields = method.params_schema["properties"]
    rows = [
        (
            name,
            _value(fields.get(name, {}).get("default")),
            _value(method.published.get(name)),
            str(fields.get(name, {}).get("description", "set beside params")),
        )
        for name in names
    ]
    needs = [f"needs {', '.join(method.needs)}"] if method.needs else []
    gives = [f"gives {', '.join(method.gives)}"] if method.gives else []
    table = _table(("parameter", "default", "published", ""), rows)
    return "\n".join([method.summary, *needs, *gives, "", table])


def facts(found: Job | Image) -> str:
    """All about a job or an image, a fact per line."""
    known = _of_job(found) if isinstance(found, Job) else _of_image(found)
    made = _of_result(found.result)
    width = max(len(name) for name in known | made)
    return "\n".join(f"{name.ljust(width)}  {fact}" for name, fact in (known | made).items() if fact)


def _of_job(job: Job) -> dict[str, str]:
    return {
        "job": job.id,
        "kind": job.kind,
        "status": job.status,
        "image": job.image_id,
        "phase": _phase(job.progress),
        "done": _done(job),
        "left": "" if job.eta_s is None else f"{job.eta_s:.0f} s",
        "asked": _asked(job.request),
        "created": _time(job.created_at),
        "started": _time(job.started_at),
        "deadline": _time(job.deadline_at),
        "finished": _time(job.finished_at),
        "expires": _time(job.expires_at),
        "warnings": " ".join(warning.message for warning in job.warnings),
        "error": _reason(job.error),
    }


def _of_image(image: Image) -> dict[str, str]:
    return {
        "image": image.id,
        "status": image.status,
        "prompt": image.prompt,
        "model": image.model,
        "method": f"{image.method}, {image.steps} steps",
        "size": f"{image.width} x {image.height}",
        "others": ", ".join(_inversion(each) for each in image.inversions if not each.own),
        "source": image.source_url,
        "job": image.job_id,
        "created": _time(image.created_at),
        "expires": _time(image.expires_at),
        "error": _reason(image.error),
    }


def _of_result(result: InvertResult | EditResult | None) -> dict[str, str]:
    if isinstance(result, InvertResult):
        kept = f"{result.psnr:.1f} dB, SSIM {result.ssim:.3f}"
        return {"kept": kept, "seconds": f"{result.seconds:.2f}", "painted": result.reconstruction_url}
    if isinstance(result, EditResult):
        return {f"picture {at}": made.url for at, made in enumerate(result.images, 1)}
    return {}


def _inversion(inversion: Inversion) -> str:
    return f"{inversion.method}, {inversion.steps} steps, {inversion.prompt!r} ({inversion.status})"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def _value(value: Any) -> str:
    return "" if value is None else json.dumps(value)


def _done(job: Job) -> str:
    percent = job.progress.percent if job.progress else None
    if percent is None:
        return ""
    # Rounded down: what is at 100 % has succeeded.
    return f"{int(percent)} %" if job.status is JobStatus.SUCCEEDED else f"{min(int(percent), 99)} %"


def _asked(request: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in request.items() if value is not None})


def _phase(progress: Progress | None) -> str:
    return "" if progress is None else f"{progress.phase}, {progress.step} of {progress.total}"


def _reason(error: Problem | None) -> str:
    return "" if error is None else error.detail


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
