"""What people and scripts get to see: results on stdout, everything else on stderr."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from api_schemas import Job, JobStatus

out = Console(highlight=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """One JSON document on stdout."""
    if isinstance(value, BaseModel):
        document: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        document = value
    else:
        document = [item.model_dump(mode="json") for item in value]
    out.print(json.dumps(document, indent=2), markup=False)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[Job], None]]:
    """A bar on stderr that follows a job; it shows nothing where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("waiting", total=None, left="")

        def update(job: Job) -> None:
            done = job.progress.percent if job.progress else None
            progress.update(
                bar,
                description=_phase(job),
                completed=done or 0,
                total=None if done is None else 100,
                left="" if job.eta_s is None else f"{job.eta_s:.0f} s left",
            )

        yield update


def _phase(job: Job) -> str:
    if job.status is JobStatus.QUEUED:
        return "waiting in the queue"
    return job.progress.phase if job.progress else "starting"


def jobs_table(jobs: Sequence[Job]) -> str:
    """The jobs, one per line; the ids are whole, so that they can be copied."""
    head = ("job", "kind", "status", "done", "image", "created")
    rows = [head, *(_row(job) for job in jobs)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(job: Job) -> tuple[str, ...]:
    percent = job.progress.percent if job.progress else None
    return (
        job.id,
        job.kind.value,
        job.status.value,
        "" if percent is None else f"{percent:.0f} %",
        job.image_id,
        f"{job.created_at.astimezone():%Y-%m-%d %H:%M:%S}",
    )
