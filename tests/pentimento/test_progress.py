import io
import re

import pytest
from rich.console import Console

from api_schemas import JobEvent, JobStatus, Progress, now
from pentimento.progress import progress_bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal is sent."""
    screen = io.StringIO()
    monkeypatch.setattr("pentimento.progress.err", Console(file=screen, force_terminal=True, width=80))
    return screen


def told(screen: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


EVENTS = [
    JobEvent(job_id="job_" + "0" * 26, status=status, progress=progress, eta_s=left, at=now())
    for status, progress, left in (
        (JobStatus.QUEUED, None, None),
        (JobStatus.PROCESSING, None, None),
        (JobStatus.PROCESSING, Progress(phase="optimize", step=3, total=9, percent=33.4), 12.3),
        (JobStatus.SUCCEEDED, None, None),
    )
]


@pytest.mark.parametrize(
    ("upto", "last"),
    [(1, "waiting in the queue"), (2, "starting"), (3, "optimize .* 33% 12 s left"), (4, "33%")],
)
def test_the_bar_says_where_the_job_is(terminal: io.StringIO, upto: int, last: str) -> None:
    with progress_bar(True) as show:
        for event in EVENTS[:upto]:
            show(event)
    lines = [line for line in told(terminal).split("\r") if line.strip()]
    assert re.search(last, lines[-1])


def test_nothing_is_shown_unasked_or_where_nobody_looks(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress_bar(False) as show:
        show(EVENTS[2])
    assert terminal.getvalue() == ""
    file = io.StringIO()
    monkeypatch.setattr("pentimento.progress.err", Console(file=file, force_terminal=False))
    with progress_bar(True) as show:
        show(EVENTS[2])
    assert file.getvalue() == ""
