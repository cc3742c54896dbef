"""The one function that the queue may name."""

from collections.abc import Callable

_current: list[Callable[[], None]] = []


def run(job_id: str) -> None:
    """Run the job that this worker has begun; a job that could not be begun is no work at all."""
    if _current:
        _current[-1]()


class Running:
    """While entered, `run` calls `work`."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work

    def __enter__(self) -> None:
        _current.append(self._work)

    def __exit__(self, *_: object) -> None:
        _current.pop()
