"""Ended jobs whose webhooks have not been called yet; the step that ends a job puts it here."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Owed:
    """The right to call `url` about a job for as long as was asked: the `attempt`-th try, from 1."""

    job_id: str
    tenant: str
    url: str
    attempt: int


class Outbox:
    """Any number of processes may take from it: what one has taken the others do not see meanwhile."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def take(self, lease_s: float) -> Owed | None:
        """The call that has been due for longest, or None; it is due again if not settled in `lease_s`."""
        raise NotImplementedError

    def done(self, owed: Owed, entry: str) -> bool:
        """It needs no further try; `entry` goes to the job's log. False if another process has it by now."""
        raise NotImplementedError

    def again(self, owed: Owed, entry: str, delay_s: float) -> bool:
        """It is due again in `delay_s`; otherwise like `done`."""
        raise NotImplementedError

    def log(self, job_id: str) -> list[str]:
        """What was said of each try, the oldest first."""
        raise NotImplementedError
