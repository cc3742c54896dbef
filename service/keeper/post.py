"""Calls the webhooks of jobs that have ended, until they are delivered or given up."""

import random
from datetime import timedelta
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup
from anyio.to_thread import run_sync
from redis.exceptions import RedisError

from service.keeper.delivery import Courier, Letter, Outcome
from service.keeper.settings import KeeperSettings
from service.prefix import prefixed
from service.webhooks import Entry
from store import Owed, Store, webhook_secrets

log = structlog.get_logger(__name__)

_POLL_S: Final = 0.2
_OUTAGE_S: Final = 1.0
_LEASE: Final = 3.0  # times what a try may take: a keeper that is alive always settles in time
_JITTER: Final = 0.2
_GONE: Final = 410


class Post:
    """Takes what is owed and delivers it, several at a time; what is not settled is owed again."""

    def __init__(self, store: Store, settings: KeeperSettings, courier: Courier | None = None) -> None:
        self._store, self._settings = store, settings
        self._courier = courier or Courier(
            timeout_s=settings.webhook_timeout_s, allow_private=settings.webhook_allow_private
        )
        self._under_way = 0

    async def run(self, stopping: anyio.Event) -> None:
        """Work until asked to stop, then for as long as what is under way needs, within the grace."""
        async with anyio.create_task_group() as group:
            while not stopping.is_set():
                pause = await self._begin(group)
                with anyio.move_on_after(pause):
                    await stopping.wait()
            group.cancel_scope.deadline = anyio.current_time() + self._settings.stop_grace_s

    async def _begin(self, group: TaskGroup) -> float:
        """Start the call that is due, if there is one; returns how long to wait before the next."""
        if self._under_way >= self._settings.webhooks_at_once:
            return _POLL_S
        try:
            owed = await run_sync(self._store.outbox.take, self._settings.webhook_timeout_s * _LEASE)
        except RedisError as error:
            log.warning("no webhooks while the queue cannot be asked", error=str(error))
            return _OUTAGE_S
        if owed is None:
            return _POLL_S
        self._under_way += 1
        group.start_soon(self._call, owed)
        return 0.0

    async def _call(self, owed: Owed) -> None:
        about = {"job_id": owed.job_id, "request_id": owed.request_id, "attempt": owed.attempt}
        with structlog.contextvars.bound_contextvars(**about):
            try:
                letter = await run_sync(self._write, owed)
                if letter is not None:
                    outcome = await self._courier.deliver(letter)
                    await run_sync(self._settle, owed, outcome)
                    log.info("webhook", status_code=outcome.status_code, error=outcome.error)
            except RedisError as error:
                log.warning("a webhook will be called again: its end cannot be noted", error=str(error))
            finally:
                self._under_way -= 1

    def _write(self, owed: Owed) -> Letter | None:
        job = self._store.jobs.get(owed.job_id, owed.tenant)
        if job is None:
            return None
        secrets = webhook_secrets(self._store.redis, owed.tenant)
        body = prefixed(job.model_dump_json().encode(), self._settings.path_prefix).decode()
        return Letter(message_id=owed.job_id, url=owed.url, body=body, secrets=secrets)

    def _settle(self, owed: Owed, outcome: Outcome) -> None:
        delay = self._delay(owed.attempt, outcome)
        entry = Entry(
            url=owed.url,
            at=outcome.at,
            seconds=outcome.seconds,
            status_code=outcome.status_code,
            error=outcome.error,
            retry_at=None if delay is None else outcome.at + timedelta(seconds=outcome.seconds + delay),
        ).model_dump_json()
        if delay is None:
            self._store.outbox.done(owed, entry)
        else:
            self._store.outbox.again(owed, entry, delay)

    def _delay(self, attempt: int, outcome: Outcome) -> float | None:
        """Seconds until the next try; None if there is none: delivered, unwanted for good, or given up."""
        delays = self._settings.webhook_retries_s
        if outcome.error is None or outcome.status_code == _GONE or attempt > len(delays):
            return None
        return delays[attempt - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
