"""A real service behind a proxy that spoils its streams."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from api_schemas import JobEvent, Progress
from pentimento import Client
from store import Store
from tests.pentimento.conftest import end

_STEPS, _PACE_S = 8, 0.1


class Proxy:
    """Passes answers on, one per connection; of a stream only so many bytes, then it cuts it or is silent."""

    def __init__(self, url: str, most: int, cuts: bool) -> None:
        there = httpx2.URL(url)
        self.resumed: list[bool] = []
        self._there, self._most, self._cuts = (there.host, there.port), most, cuts
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.url = f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._sockets[0].accept()
                service = socket.create_connection(self._there)
                self._sockets += [client, service]
                thread = threading.Thread(target=self._pass, args=(client, service))
                self._threads.append(thread)
                thread.start()

    def _pass(self, client: socket.socket, service: socket.socket) -> None:
        with suppress(OSError):
            request = client.recv(2**16)
            streams = b"/events" in request.partition(b"\r\n")[0]
            if streams:
                self.resumed.append(b"last-event-id" in request.lower())
            service.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
            left = self._most
            while data := service.recv(2**12):
                client.sendall(data[:left] if streams else data)
                left -= len(data) if streams else 0
                if left <= 0:
                    break
            if self._cuts or not streams:
                client.shutdown(socket.SHUT_RDWR)


@contextmanager
def behind(proxy: Proxy) -> Iterator[Client]:
    try:
        with Client(proxy.url) as client:
            yield client
    finally:
        proxy.close()


@pytest.fixture
def steady(shared: Store) -> Iterator[None]:
    """A worker that takes one job and tells of every step of it."""

    def work() -> None:
        popped = shared.redis.blpop(["rq:queue:pentimento"], timeout=10)
        claim = popped and shared.jobs.begin(popped[1], "test", 30)
        assert claim
        for step in range(_STEPS):
            shared.jobs.progress(claim, Progress(phase="invert", step=step, total=_STEPS), 1.0)
            time.sleep(_PACE_S)
        end(shared, claim)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def steps(events: Iterator[JobEvent]) -> list[int]:
    return [event.progress.step for event in events if event.progress and event.progress.total == _STEPS]


@pytest.mark.usefixtures("steady")
def test_no_event_is_lost_or_told_twice_where_streams_are_cut_off(live: str, cat: Path) -> None:
    with Client(live) as direct, behind(Proxy(live, most=1500, cuts=True)) as client:
        inversion = direct.invert(cat, prompt="a cat")
        told = list(client.events(inversion))
    assert steps(iter(told)) == list(range(_STEPS))
    assert [told[0].status, told[-1].status] == ["queued", "succeeded"]


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("cuts", [True, False])
def test_where_no_event_comes_through_the_job_is_asked(
    live: str, cat: Path, cuts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pentimento.following._FIRST_WORD_S", 0.1)
    proxy = Proxy(live, most=100, cuts=cuts)
    with Client(live) as direct, behind(proxy) as client:
        inversion = direct.invert(cat, prompt="a cat")
        told = list(client.events(inversion))
    assert told[-1].status == "succeeded"
    assert len(steps(iter(told))) >= 3
    assert proxy.resumed == [False, False]
