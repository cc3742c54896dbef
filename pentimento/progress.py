"""A bar that follows a job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from api_schemas import JobEvent, JobStatus

err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


@contextmanager
def progress_bar(shown: bool) -> Iterator[Callable[[JobEvent], None]]:
    """A progress bar on stderr, updated by every event; hidden where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    hidden = not (shown and err.is_terminal)
    with Progress(*columns, console=err, transient=True, disable=hidden) as progress:
        bar = progress.add_task("waiting", total=None, left="")

        def update(event: JobEvent) -> None:
            if event.status.terminal:
                return
            done = event.progress.percent if event.progress else None
            progress.update(
                bar,
                description=_phase(event),
                completed=done or 0,
                total=None if done is None else 100,
                left="" if event.eta_s is None else f"{event.eta_s:.0f} s left",
            )

        yield update


def _phase(event: JobEvent) -> str:
    if event.status is JobStatus.QUEUED:
        return "waiting in the queue"
    return event.progress.phase if event.progress else "starting"
