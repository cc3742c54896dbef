"""`Prefer: wait`: an answer that comes with the end of the job, or says where to look for it."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from store import Store, keys
from tests.service.conftest import begin, edited, inverted, served_before
from tests.service.live import Live, serving


@pytest.fixture
def live(shared: Store) -> Iterator[Live]:
    served_before(shared)
    with serving(shared) as live:
        yield live


def invert(live: Live, png: bytes, prefer: str) -> httpx2.Response:
    return httpx2.post(
        f"{live.url}/invert",
        files={"image": png},
        data={"prompt": "a cat on grass"},
        headers={"Prefer": prefer},
        timeout=30,
    )


def waiting(shared: Store, wanted: int) -> int:
    """How many connections wait for events, once they are as many as wanted or half a minute is over."""
    deadline = time.monotonic() + 30
    while True:
        found = int(shared.redis.info("clients")["blocked_clients"])
        if found == wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


@pytest.fixture
def work(shared: Store) -> Iterator[Callable[[], None]]:
    """Something that does the next queued job once somebody waits for it."""
    threads: list[threading.Thread] = []

    def soon() -> None:
        def run() -> None:
            while not (queue := shared.redis.lrange("rq:queue:pentimento", 0, 0)):
                time.sleep(0.01)
            assert waiting(shared, 1) == 1
            claim = begin(shared, queue[0])
            result: Any = inverted if claim.kind == "invert" else edited
            shared.jobs.succeed(claim, result(claim.image_id))

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield soon
    for thread in threads:
        thread.join(10)


def test_the_answer_is_the_job_as_soon_as_it_has_ended(
    live: Live, shared: Store, png: bytes, work: Callable[[], None]
) -> None:
    work()
    answer = invert(live, png, "respond-async, wait=60")  # the client itself gives up before that
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=60")
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert (answer.json()["status"], answer.json()["kind"]) == ("succeeded", "invert")
    work()
    asked = {"image_id": answer.json()["image_id"], "prompt": "a dog on grass"}
    edit = httpx2.post(f"{live.url}/edit", json=asked, headers={"Prefer": "wait=20"}, timeout=30)
    assert (edit.status_code, edit.json()["result"]["image_id"]) == (200, asked["image_id"])


def test_what_is_known_is_answered_at_once(
    live: Live, shared: Store, png: bytes, work: Callable[[], None]
) -> None:
    work()
    made = invert(live, png, "wait=20").json()
    image = shared.images.get(made["image_id"])
    assert image is not None
    for key in (keys.working, keys.reconstruction):
        shared.blobs.put(key(image.id, image.inversions[0].id), png)
    again = invert(live, png, "WAIT = 20")
    assert (again.status_code, again.json()["result"]["cached"]) == (200, True)


def test_a_job_that_takes_longer_is_answered_as_ever(live: Live, png: bytes) -> None:
    answer = invert(live, png, 'handling=lenient; wait="1"')
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=-1", "wait=soon", "await=5", "respond-async", ""])
def test_other_preferences_are_passed_over(
    live: Live, png: bytes, prefer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object) -> None:
        raise AssertionError("it is waited for")

    monkeypatch.setattr(sys.modules["service.following"].Follower, "ended", wait)
    assert invert(live, png, prefer).status_code == 202


def test_nobody_waits_on_behalf_of_a_client_that_left(live: Live, shared: Store, png: bytes) -> None:
    asked = httpx2.Request(
        "POST",
        f"{live.url}/invert",
        files={"image": png},
        data={"prompt": "a cat"},
        headers={"Prefer": "wait=60"},
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(f"POST /invert HTTP/1.1\r\n{head}\r\n".encode() + asked.read())
        assert waiting(shared, 1) == 1
    assert waiting(shared, 0) == 0


def test_the_end_of_the_process_ends_the_waiting(live: Live, shared: Store, png: bytes) -> None:
    answers: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: answers.append(invert(live, png, "wait=60")))
    thread.start()
    assert waiting(shared, 1) == 1
    live.stop(within_s=30)
    thread.join(30)
    assert [answer.status_code for answer in answers] == [202]
