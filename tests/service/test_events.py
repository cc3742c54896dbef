"""Jobs as streams of server-sent events, over a real connection."""

import socket
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest

from api_schemas import Progress
from store import Store
from tests.service.conftest import begin, inverted
from tests.service.live import Live, Told, serving, told

NO_JOB = "job_" + "a" * 26


@pytest.fixture
def live(shared: Store) -> Iterator[Live]:
    with serving(shared) as live:
        yield live


@pytest.fixture
def job(live: Live, png: bytes) -> dict[str, str]:
    """A job that waits, as the answer to its making has it."""
    answer = httpx2.post(f"{live.url}/invert", files={"image": png}, data={"prompt": "a cat on grass"})
    found: dict[str, str] = answer.json()
    return found


def events(live: Live, job_id: str, after: str = "") -> list[Told]:
    with httpx2.stream("GET", f"{live.url}/jobs/{job_id}/events", headers={"Last-Event-ID": after}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        return list(told(answer.iter_lines()))


def test_a_stream_tells_everything_as_it_happens_and_ends_with_the_job(
    live: Live, shared: Store, job: dict[str, str]
) -> None:
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events") as answer:
        stream = told(answer.iter_lines())
        assert next(stream).data.status == "queued"
        claim = begin(shared, job["job_id"])
        assert next(stream).data.status == "processing"
        shared.jobs.progress(claim, Progress(phase="invert", step=1, total=50, percent=2.0), 4.0)
        middle = next(stream)
        assert (middle.name, middle.data.eta_s) == ("progress", 4.0)
        assert middle.data.progress is not None
        assert middle.data.progress.step == 1
        shared.jobs.succeed(claim, inverted(job["image_id"]))
        last = next(stream)
        assert (last.name, last.data.status, last.data.job_id) == ("status", "succeeded", job["job_id"])
        assert list(stream) == []


def test_a_stream_is_resumed_after_the_last_event_and_not_once_it_is_over(
    live: Live, shared: Store, job: dict[str, str]
) -> None:
    claim = begin(shared, job["job_id"])
    shared.jobs.progress(claim, Progress(phase="invert", step=1, total=50), None)
    shared.jobs.succeed(claim, inverted(job["image_id"]))
    whole = events(live, job["job_id"])
    assert [event.name for event in whole] == ["status", "status", "progress", "status"]
    for position, event in enumerate(whole[:-1]):
        assert events(live, job["job_id"], event.id) == whole[position + 1 :]
    over = httpx2.get(f"{live.url}/jobs/{job['job_id']}/events", headers={"Last-Event-ID": whole[-1].id})
    assert (over.status_code, over.content) == (204, b"")


@pytest.mark.parametrize("after", ["yesterday", "1-", "-1-0", "9" * 40])
def test_what_is_no_event_cannot_be_resumed_after(live: Live, job: dict[str, str], after: str) -> None:
    answer = httpx2.get(f"{live.url}/jobs/{job['job_id']}/events", headers={"Last-Event-ID": after})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"][0]["loc"] == ["header", "Last-Event-ID"]


def test_there_are_no_events_of_a_job_nobody_knows(live: Live) -> None:
    assert httpx2.get(f"{live.url}/jobs/{NO_JOB}/events").json()["code"] == "not_found"


def test_head_does_not_wait_for_the_end(live: Live, shared: Store, job: dict[str, str]) -> None:
    with httpx2.Client(base_url=live.url, timeout=30) as client:
        for _ in range(2):
            answer = client.head(f"/jobs/{job['job_id']}/events")
            assert (answer.status_code, answer.content) == (200, b"")
        assert _blocked(shared, 0) == 0


def test_clients_that_leave_are_not_waited_for(live: Live, shared: Store, job: dict[str, str]) -> None:
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events") as answer:
        stream = told(answer.iter_lines())
        next(stream)
        assert _blocked(shared, 1) == 1
    assert _blocked(shared, 0) == 0


def test_more_clients_follow_than_there_are_threads(live: Live, shared: Store, job: dict[str, str]) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    request = f"GET /jobs/{job['job_id']}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    clients = [socket.create_connection((host, int(port)), timeout=10) for _ in range(90)]
    try:
        for client in clients:
            client.sendall(request.encode())
            while b"queued" not in client.recv(2**16, socket.MSG_PEEK):
                time.sleep(0.01)
        assert _blocked(shared, 1) == 1
        shared.jobs.succeed(begin(shared, job["job_id"]), inverted(job["image_id"]))
        for client in clients:
            with client.makefile("rb") as answer:
                assert b'"succeeded"' in answer.read()
    finally:
        for client in clients:
            client.close()


def test_streams_end_with_the_process_and_are_not_cut_off(live: Live, job: dict[str, str]) -> None:
    live.server.config.timeout_graceful_shutdown = None  # whoever does not end by itself is waited for
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events") as answer:
        stream = told(answer.iter_lines())
        next(stream)
        live.stop(within_s=30)
        assert list(stream) == []


def test_a_silent_stream_is_kept_alive(
    live: Live, job: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events") as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": ping"


def test_a_stream_outlives_the_loss_of_its_connection(live: Live, shared: Store, job: dict[str, str]) -> None:
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events") as answer:
        stream = told(answer.iter_lines())
        next(stream)
        assert _blocked(shared, 1) == 1
        assert shared.redis.client_kill_filter(_type="normal", skipme=True) > 0
        assert _blocked(shared, 1) == 1
        shared.jobs.succeed(begin(shared, job["job_id"]), inverted(job["image_id"]))
        assert [event.data.status for event in stream] == ["processing", "succeeded"]


def _blocked(shared: Store, wanted: int) -> int:
    """How many connections wait for events, once they are as many as wanted or half a minute is over."""
    deadline = time.monotonic() + 30
    while True:
        found = int(shared.redis.info("clients")["blocked_clients"])
        if found == wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_a_stream_ends_soon_after_its_key_was_revoked(
    live: Live, shared: Store, job: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["service.routes.events"], "_RECHECKED_S", 0.0)
    key, token = shared.apikeys.add("shop")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.stream("GET", f"{live.url}/jobs/{job['job_id']}/events", headers=headers) as answer:
        stream = told(answer.iter_lines())
        assert next(stream).data.status == "queued"
        claim = begin(shared, job["job_id"])
        assert next(stream).data.status == "processing"
        shared.apikeys.revoke(key.id)
        shared.jobs.progress(claim, Progress(phase="invert", step=1, total=50, percent=2.0), 4.0)
        assert list(stream) == []
