"""Ended jobs whose webhooks have not been called yet; the step that ends a job puts it here."""

from dataclasses import dataclass
from typing import Any

from store import keys
from store.claims import milliseconds
from store.scripts import Scripts


@dataclass(frozen=True, kw_only=True)
class Owed:
    """The right to call `url` about a job for as long as was asked: the `attempt`-th try, from 1."""

    job_id: str
    tenant: str
    url: str
    attempt: int
    request_id: str | None = None


class Outbox:
    """Any number of processes may take from it: what one has taken the others do not see meanwhile."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, "take", "settle")

    def take(self, lease_s: float) -> Owed | None:
        """The call that has been due for longest, or None; it is due again if not settled in `lease_s`."""
        answer = self._scripts.run("take", milliseconds(lease_s))
        if answer is None:
            return None
        job_id, tenant, url, attempt, request_id = answer
        return Owed(job_id=job_id, tenant=tenant, url=url, attempt=attempt, request_id=request_id or None)

    def done(self, owed: Owed, entry: str) -> bool:
        """It needs no further try; `entry` goes to the job's log. False if another process has it by now."""
        return self._settle(owed, entry, "")

    def again(self, owed: Owed, entry: str, delay_s: float) -> bool:
        """It is due again in `delay_s`; otherwise like `done`."""
        return self._settle(owed, entry, milliseconds(delay_s))

    def log(self, job_id: str) -> list[str]:
        """The record of each try, the oldest first; of very many only the latest."""
        return list(self._redis.lrange(keys.deliveries(job_id), 0, -1))

    def urls(self, job_id: str) -> list[str]:
        """Whom to call about the job, whether or not it has been done."""
        return sorted(self._redis.smembers(keys.webhooks(job_id)))

    def _settle(self, owed: Owed, entry: str, delay: int | str) -> bool:
        return bool(self._scripts.run("settle", owed.job_id, owed.url, owed.attempt, entry, delay))
