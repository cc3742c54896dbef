"""A job is followed to its end whatever becomes of the stream of its events."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_schemas import JobEvent
from pentimento import ApiError, AsyncClient, Client, JobFailed

JOB = "job_" + "0" * 26
AT = "2026-01-05T10:00:00Z"


def job(status: str, step: int = 0) -> httpx2.Response:
    progress = {"phase": "edit", "step": step, "total": 4}
    links = {"self": "/a", "events": "/b", "cancel": "/c", "image": "/d"}
    fields = {"id": JOB, "kind": "edit", "image_id": "img_" + "0" * 26, "created_at": AT, "expires_at": AT}
    return httpx2.Response(200, json={**fields, "status": status, "progress": progress, "links": links})


def event(number: int, status: str, step: int = 0) -> bytes:
    progress = {"phase": "edit", "step": step, "total": 4}
    told = JobEvent.model_validate({"job_id": JOB, "status": status, "progress": progress, "at": AT})
    return f"id: {number}\nevent: progress\ndata: {told.model_dump_json()}\n\n: ping\n\n".encode()


class Stream(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Bytes, and the way in which they end."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def stream(*parts: bytes | Exception) -> httpx2.Response:
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Stream(*parts))


class Service:
    """Scripted streams and scripted looks at the job; the last of each is repeated."""

    def __init__(self, streams: list[httpx2.Response], looks: list[httpx2.Response]) -> None:
        self.streams, self.looks = streams, looks
        self.resumed: list[str | None] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/events"):
            return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        self.resumed.append(request.headers.get("Last-Event-ID"))
        return self.streams.pop(0) if self.streams else httpx2.Response(404)

    def follow(self) -> list[tuple[str, int]]:
        """What a client hears; no time passes for it."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("pentimento.transport.time.sleep", lambda _: None)
            return self._follow()

    def _follow(self) -> list[tuple[str, int]]:
        with Client("http://pentimento.test", transport=httpx2.MockTransport(self)) as client:
            return [(each.status, each.progress.step) for each in client.events(JOB) if each.progress]


def test_events_come_as_they_happen() -> None:
    service = Service(
        [stream(event(1, "queued"), event(2, "processing", 1), event(3, "succeeded", 4))],
        [job("succeeded", 4)],
    )
    assert service.follow() == [("queued", 0), ("processing", 1), ("succeeded", 4)]
    assert service.resumed == [None]


@pytest.mark.parametrize("end", [[], [httpx2.RemoteProtocolError("cut")], [httpx2.ReadTimeout("silent")]])
def test_a_stream_that_is_cut_off_is_resumed_where_it_was(end: list[Exception]) -> None:
    service = Service(
        [stream(event(1, "processing", 1), *end), stream(event(2, "succeeded", 4))], [job("processing", 1)]
    )
    assert service.follow() == [("processing", 1), ("succeeded", 4)]
    assert service.resumed == [None, "1"]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda: stream(httpx2.ReadTimeout("a proxy keeps it all back")),
        lambda: stream(),
        lambda: stream(b"data: no event of ours\n\n"),
        lambda: httpx2.Response(200, text="<html>"),
        lambda: httpx2.Response(404, text="no such page"),
        lambda: httpx2.Response(502, text="bad gateway"),
    ],
)
def test_where_streams_are_spoilt_the_job_is_asked(spoilt: Callable[[], httpx2.Response]) -> None:
    looks = [job("queued"), *(job("processing", step) for step in (1, 2, 2, 3)), job("succeeded", 4)]
    service = Service([spoilt() for _ in range(9)], looks)
    assert service.follow() == [
        *(("queued", 0), ("processing", 1), ("processing", 2), ("processing", 3)),
        ("succeeded", 4),
    ]
    assert len(service.resumed) == 2


def test_silence_in_a_queue_is_no_fault_of_the_stream() -> None:
    quiet = [stream(httpx2.ReadTimeout("nothing new")) for _ in range(5)]
    service = Service([stream(event(1, "queued")), *quiet, stream(event(2, "succeeded", 4))], [job("queued")])
    assert service.follow() == [("queued", 0), ("succeeded", 4)]
    assert service.resumed == [None, *["1"] * 6]


def test_a_proxy_that_serves_an_old_stream_again_is_not_believed() -> None:
    again = [stream(event(1, "queued"), event(2, "processing", 1)) for _ in range(9)]
    service = Service(again, [job("processing", 2), job("succeeded", 4)])
    assert service.follow() == [("queued", 0), ("processing", 1), ("processing", 2), ("succeeded", 4)]


def test_a_job_that_has_ended_before_needs_no_events() -> None:
    service = Service([httpx2.Response(204)], [job("failed", 2)])
    assert service.follow() == [("failed", 2)]


def test_an_outage_is_waited_out_and_a_job_that_is_gone_is_not() -> None:
    away = {"title": "t", "status": 503, "detail": "away", "code": "queue_unavailable"}
    outage = [httpx2.Response(503, json=away) for _ in range(9)]
    assert Service([], [*outage, job("succeeded", 4)]).follow() == [("succeeded", 4)]
    gone = {"title": "t", "status": 404, "detail": "There is no job", "code": "not_found"}
    with pytest.raises(ApiError, match="no job"):
        Service([], [httpx2.Response(404, json=gone)]).follow()


def test_leaving_early_closes_the_stream() -> None:
    service = Service([stream(event(1, "queued"), event(2, "processing", 1))], [job("queued")])
    with Client("http://pentimento.test", transport=httpx2.MockTransport(service)) as client:
        for each in client.events(JOB):
            assert each.status == "queued"
            break
    assert service.resumed == [None]


@pytest.mark.parametrize("timeout_s", [0, 0.5])
def test_waiting_has_an_end(live: str, cat: Path, timeout_s: float) -> None:
    with Client(live) as client:
        inversion = client.invert(cat, prompt="a cat")
        with pytest.raises(TimeoutError, match="it goes on"):
            inversion.wait(timeout_s=timeout_s)


def test_following_can_be_left_when_awaited(live: str, cat: Path) -> None:
    async def path() -> None:
        async with AsyncClient(live) as client:
            inversion = await client.invert(cat, prompt="a cat")
            following = asyncio.create_task(inversion.wait())
            await asyncio.sleep(0.2)
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following
            await inversion.cancel()
            with pytest.raises(JobFailed, match="canceled"):
                await inversion.wait(timeout_s=10)

    asyncio.run(path())


def test_many_wait_at_once_and_none_is_in_the_way_of_the_others(
    live: str, cat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pentimento.following._FIRST_WORD_S", 10.0)

    async def path() -> None:
        async with AsyncClient(live) as client:
            inversion = await client.invert(cat, prompt="a cat")
            waiting = [asyncio.create_task(inversion.wait()) for _ in range(120)]
            await asyncio.sleep(0.5)
            await asyncio.wait_for(inversion.cancel(), 4)
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(each) for each in ended} == {JobFailed}

    asyncio.run(path())
