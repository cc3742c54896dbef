"""What followers of a job are told, from wherever they take it up."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from api_schemas import Job, JobStatus, Progress
from store import AsyncEvents, BadCursor, Event, Store
from tests.store.conftest import ENDINGS, ENDS, RESULT, STEPS, begin, edit, invert, job

PROGRESS = Progress(phase="invert", step=1, total=2)


def told(events: list[Event]) -> list[tuple[str, JobStatus]]:
    return [(event.name, event.data.status) for event in events]


@pytest.mark.parametrize("end", ENDINGS)
def test_every_change_of_a_job_is_told_in_order_and_its_end_last(shared: Store, end: str) -> None:
    job_id = invert(shared)
    claim = begin(shared, job_id)
    shared.jobs.progress(claim, PROGRESS, 1.5)
    shared.jobs.progress(claim, PROGRESS, None)
    STEPS[end](shared, claim)
    events = shared.events.read(job_id)
    assert told(events) == [
        ("status", JobStatus.QUEUED),
        ("status", JobStatus.PROCESSING),
        ("progress", JobStatus.PROCESSING),
        ("progress", JobStatus.PROCESSING),
        ("status", ENDS[end]),
    ]
    assert [event.data.eta_s for event in events] == [None, None, 1.5, None, None]
    assert events[2].data.progress == PROGRESS
    assert all(event.data.job_id == job_id for event in events)
    times = [event.data.at for event in events]
    job = shared.jobs.get(job_id)
    assert job is not None
    assert times == sorted(times)
    assert times[-1] == job.finished_at


def test_a_stream_goes_on_after_the_event_that_was_seen_last(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    first, second = shared.events.read(claim.job_id)
    assert shared.events.read(claim.job_id, first.id) == [second]
    assert shared.events.read(claim.job_id, second.id) == []
    shared.jobs.hand_back(claim)
    assert told(shared.events.read(claim.job_id, second.id)) == [("status", JobStatus.QUEUED)]
    assert shared.events.read("job_" + "0" * 26) == []


@pytest.mark.parametrize("after", ["", "x", "1", "1-2-3", "-1-0", f"{2**64}-0", "$", "1-0 "])
def test_only_an_id_of_an_event_resumes(shared: Store, after: str) -> None:
    with pytest.raises(BadCursor):
        shared.events.read(invert(shared), after)


def test_edits_learn_what_became_of_the_inversion_they_wait_for(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    held = edit(shared)
    STEPS["fail"](shared, claim)
    assert told(shared.events.read(held)) == [("status", JobStatus.QUEUED), ("status", JobStatus.FAILED)]


def test_who_waits_for_an_event_is_woken_by_it(shared: Store) -> None:
    job_id = invert(shared)
    [queued] = shared.events.read(job_id)
    timer = threading.Timer(0.05, begin, (shared, job_id))
    timer.start()
    assert told(shared.events.read(job_id, queued.id, block_ms=4000)) == [("status", JobStatus.PROCESSING)]
    timer.join()


def test_an_event_loop_waits_without_a_thread(shared: Store) -> None:
    job_id = invert(shared)

    async def follow() -> list[Event]:
        events = shared.async_events()
        try:
            found = await events.read(job_id)
            later = asyncio.create_task(events.read(job_id, found[-1].id, block_ms=4000))
            at_once = asyncio.create_task(events.read(job_id, found[-1].id))
            first, _ = await asyncio.wait({later, at_once}, return_when=asyncio.FIRST_COMPLETED)
            assert (first, await at_once) == ({at_once}, [])
            await asyncio.to_thread(begin, shared, job_id)
            return found + await later
        finally:
            await events.close()

    assert told(asyncio.run(follow())) == [("status", JobStatus.QUEUED), ("status", JobStatus.PROCESSING)]


async def _with(shared: Store, use: Callable[[AsyncEvents], Awaitable[Any]]) -> Any:
    events = shared.async_events()
    try:
        return await use(events)
    finally:
        await events.close()


def test_the_end_of_a_job_is_waited_for_and_comes_as_the_job(shared: Store) -> None:
    claim = begin(shared, invert(shared))

    async def wait(events: AsyncEvents) -> tuple[bool, Job | None]:
        ending = asyncio.create_task(events.ended(claim.job_id))
        await asyncio.to_thread(shared.jobs.progress, claim, PROGRESS, None)
        await asyncio.sleep(0.2)
        early = ending.done()
        await asyncio.to_thread(shared.jobs.succeed, claim, RESULT)
        return early, await ending

    assert asyncio.run(_with(shared, wait)) == (False, job(shared, claim.job_id))
    assert asyncio.run(_with(shared, lambda events: events.ended(claim.job_id))) == job(shared, claim.job_id)


def test_nobody_waits_for_the_end_of_a_job_of_others(shared: Store) -> None:
    job_id = invert(shared)
    assert asyncio.run(_with(shared, lambda events: events.ended(job_id, "another"))) is None


def test_a_wait_that_is_given_up_leaves_nothing_behind_for_the_next(shared: Store) -> None:
    waiting, other = invert(shared), invert(shared, "img_" + "b" * 26)

    async def give_up(events: AsyncEvents) -> list[Event]:
        with suppress(TimeoutError):
            await asyncio.wait_for(events.ended(waiting), 0.2)
        return await events.read(other)

    assert [event.data.job_id for event in asyncio.run(_with(shared, give_up))] == [other]


def test_many_follow_a_job_at_once(shared: Store) -> None:
    job_id = invert(shared)
    [queued] = shared.events.read(job_id)

    async def follow() -> list[list[Event]]:
        events = shared.async_events()
        try:
            all_of_them = [events.read(job_id, queued.id, block_ms=4000) for _ in range(200)]
            waiting = asyncio.gather(*all_of_them)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(begin, shared, job_id)
            return await waiting
        finally:
            await events.close()

    assert [told(found) for found in asyncio.run(follow())] == [[("status", JobStatus.PROCESSING)]] * 200


def test_a_stream_is_bounded_and_forgotten_with_its_job(shared: Store) -> None:
    claim = begin(shared, invert(shared))
    for step in range(1, 1300):
        shared.jobs.progress(claim, PROGRESS.model_copy(update={"step": step}), None)
    key = f"pentimento:job:{claim.job_id}"
    assert 1000 <= shared.redis.xlen(f"{key}:events") < 1200
    shared.jobs.succeed(claim, RESULT)
    assert 100 <= shared.redis.xlen(f"{key}:events") < 300
    assert shared.redis.pexpiretime(f"{key}:events") == shared.redis.pexpiretime(key) > 0
    last = shared.events.read(claim.job_id, shared.redis.xrevrange(f"{key}:events", count=3)[-1][0])
    assert told(last) == [("progress", JobStatus.PROCESSING), ("status", JobStatus.SUCCEEDED)]


def test_a_preview_is_the_owners_and_is_seen_until_the_job_begins_anew_or_ended_a_while_ago(
    shared: Store,
) -> None:
    stale = begin(shared, invert(shared), lease_s=0)
    shared.jobs.progress(stale, PROGRESS.model_copy(update={"preview_url": "/p"}), None)
    shared.jobs.preview(stale, b"\x89one")
    assert shared.jobs.latest_preview(stale.job_id) == b"\x89one"
    shared.jobs.reap()
    assert shared.jobs.latest_preview(stale.job_id) is None
    fresh = begin(shared, stale.job_id)
    shared.jobs.preview(fresh, b"\x89two")
    assert shared.jobs.preview(stale, b"\x89late") == "fenced"
    shared.jobs.progress(fresh, PROGRESS.model_copy(update={"preview_url": "/p"}), None)
    job = shared.jobs.get(fresh.job_id)
    assert job is not None
    assert job.progress is not None
    assert job.progress.preview_url == "/p"
    shared.jobs.succeed(fresh, RESULT)
    job = shared.jobs.get(fresh.job_id)
    assert job is not None
    assert job.progress == PROGRESS.model_copy(update={"step": PROGRESS.total, "percent": 100})
    assert shared.jobs.latest_preview(fresh.job_id) == b"\x89two"
    assert 0 < shared.redis.pttl(f"pentimento:job:{fresh.job_id}:preview") <= 600_000
