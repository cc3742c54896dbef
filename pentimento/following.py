"""Following a job to its end: by its events, and by asking for the job where a proxy spoils the stream."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypedDict

import httpx2
from pydantic import ValidationError

from api_schemas import Job, JobEvent, JobStatus, now
from pentimento import calls, keywords
from pentimento.core import Core
from pentimento.errors import ApiError, JobFailed, Unreachable
from pentimento.outcomes import Edited, Inverted, gather
from pentimento.progress import progress_bar

_FIRST_WORD_S = 3.0  # a stream begins with what has happened so far, so it speaks at once
_SILENCE_S = 10.0
_SILENCE_WITH_DEADLINE_S = 2.0
_USELESS_STREAMS = 2
_REOPEN_S = 0.1
_POLL_FIRST_S, _POLL_LONGEST_S = 0.05, 1.0
_OUTAGE_S = 30.0
_PASSING = {429, 503}


class Following(TypedDict, total=False):
    """How a job can be waited for."""

    progress: bool  # show a bar on a terminal
    timeout_s: float | None  # TimeoutError after so long; the job goes on
    on_update: Callable[[JobEvent], None]  # called with every event


@dataclass
class _Follower:
    """Where one follower of a job stands."""

    core: Core
    job_id: str
    ends: float | None = None
    after: str | None = None
    last: JobEvent | None = None
    seen: set[str] = field(default_factory=set)
    silent: bool = False

    async def events(self) -> AsyncGenerator[JobEvent]:
        """Every event until the job has ended; an outage of half a minute is waited out."""
        useless, pause = 0, _POLL_FIRST_S
        while not self._ended():
            streams, before = useless < _USELESS_STREAMS, self.last
            if streams:
                async with aclosing(self._stream()) as stream:
                    async for event in stream:
                        yield event
                if self._ended():
                    return
                if self.last is not before:
                    useless = 0
                    await self._pause(_REOPEN_S)
                    continue
            found = event_of(await self._job())
            moved = self.last is None or _place(found) != _place(self.last)
            if moved:
                self.last = found
                yield found
            if streams:
                useless = 0 if self.silent and not moved else useless + 1
            await self._pause(pause)
            pause = min(_POLL_LONGEST_S, pause * 1.3)

    async def _stream(self) -> AsyncGenerator[JobEvent]:
        """The new events of a stream, until it ends, breaks off or says nothing for long."""
        self.silent = False
        try:
            async with self.core.transport.listen(
                calls.job(self.job_id).path + "/events", self.after, self._patience()
            ) as (status, events):
                if status != 200:
                    return
                async for raw in events:
                    if not raw.data or raw.id in self.seen:
                        continue
                    self.last = JobEvent.model_validate_json(raw.data)
                    if raw.id:
                        self.after = raw.id
                        self.seen.add(raw.id)
                    yield self.last
                    if self._ended():
                        return
                    self._check()
        except httpx2.ReadTimeout:
            self.silent = True
        except (httpx2.RequestError, ValidationError):
            pass

    def _patience(self) -> float:
        """The seconds of silence after which to ask for the job itself."""
        silence = _FIRST_WORD_S if self.after is None else _SILENCE_S
        if self.ends is None:
            return silence
        return max(0.01, min(silence, _SILENCE_WITH_DEADLINE_S, self.ends - time.monotonic()))

    async def _job(self) -> Job:
        since = time.monotonic()
        while True:
            self._check()
            try:
                return await self.core.ask(calls.job(self.job_id))
            except (Unreachable, ApiError) as error:
                passing = isinstance(error, Unreachable) or error.problem.status in _PASSING
                if not passing or time.monotonic() - since > _OUTAGE_S:
                    raise
            await self._pause(_POLL_LONGEST_S)

    async def _pause(self, seconds: float) -> None:
        left = seconds if self.ends is None else min(seconds, self.ends - time.monotonic())
        await self.core.transport.pause(max(0.0, left))

    def _ended(self) -> bool:
        return self.last is not None and self.last.status.terminal

    def _check(self) -> None:
        if self.ends is not None and time.monotonic() > self.ends:
            raise TimeoutError(f"the job {self.job_id} is not done in time; it goes on")


def follow(core: Core, job_id: str, timeout_s: float | None = None) -> AsyncGenerator[JobEvent]:
    """Every event of a job until it has ended.

    Raises TimeoutError after `timeout_s`, and what `Core.ask` raises when an outage lasts.
    """
    ends = None if timeout_s is None else time.monotonic() + timeout_s
    return _Follower(core, job_id, ends).events()


async def finish(core: Core, job_id: str, how: Following) -> Inverted | Edited:
    """What the job made, once it has succeeded.

    Raises JobFailed if it ends otherwise, TypeError for an unknown keyword, and what `follow` raises.
    """
    keywords.check(how, Following.__optional_keys__)
    on_update = how.get("on_update")
    with progress_bar(how.get("progress", False)) as show:
        async with aclosing(follow(core, job_id, how.get("timeout_s"))) as events:
            async for event in events:
                show(event)
                if on_update:
                    on_update(event)
    job = await core.ask(calls.job(job_id))
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(job)
    return await gather(core, job)


def event_of(job: Job) -> JobEvent:
    """The state of a job, as an event of now."""
    return JobEvent(job_id=job.id, status=job.status, progress=job.progress, eta_s=job.eta_s, at=now())


def _place(event: JobEvent) -> tuple[object, ...]:
    progress = event.progress
    return event.status, progress and (progress.phase, progress.step)
