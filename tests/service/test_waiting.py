"""`Prefer: wait`: an answer that comes with the end of the job, or says where to look for it."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from store import Store, keys
from tests.service.conftest import begin, edited, inverted
from tests.service.live import Live, serving

MOMENT = 0.3


@pytest.fixture
def live(shared: Store) -> Iterator[Live]:
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


@pytest.fixture
def work(shared: Store) -> Iterator[Callable[[float], None]]:
    """Something that does the next queued job after so many seconds."""
    threads: list[threading.Thread] = []

    def soon(delay_s: float) -> None:
        def run() -> None:
            while not (queue := shared.redis.lrange("rq:queue:pentimento", 0, 0)):
                time.sleep(0.01)
            time.sleep(delay_s)
            claim = begin(shared, queue[0])
            result: Any = inverted if claim.kind == "invert" else edited
            shared.jobs.succeed(claim, result(claim.image_id))

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield soon
    for thread in threads:
        thread.join(10)


def test_the_answer_is_the_job_as_soon_as_it_has_ended(
    live: Live, shared: Store, png: bytes, work: Callable[[float], None]
) -> None:
    work(MOMENT)
    before = time.monotonic()
    answer = invert(live, png, "respond-async, wait=20")
    assert MOMENT < time.monotonic() - before < MOMENT + 1
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=20")
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert (answer.json()["status"], answer.json()["kind"]) == ("succeeded", "invert")
    work(0)
    asked = {"image_id": answer.json()["image_id"], "prompt": "a dog on grass"}
    edit = httpx2.post(f"{live.url}/edit", json=asked, headers={"Prefer": "wait=20"}, timeout=30)
    assert (edit.status_code, edit.json()["result"]["image_id"]) == (200, asked["image_id"])


def test_what_is_known_is_answered_at_once(
    live: Live, shared: Store, png: bytes, work: Callable[[float], None]
) -> None:
    work(0)
    made = invert(live, png, "wait=20").json()
    image = shared.images.get(made["image_id"])
    assert image is not None
    for key in (keys.working, keys.reconstruction):
        shared.blobs.put(key(image.id, image.inversions[0].id), png)
    again = invert(live, png, "WAIT = 20")
    assert (again.status_code, again.json()["result"]["cached"]) == (200, True)


def test_a_job_that_takes_longer_is_answered_as_ever(live: Live, png: bytes) -> None:
    before = time.monotonic()
    answer = invert(live, png, 'handling=lenient; wait="1"')
    assert 1 <= time.monotonic() - before < 3
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=-1", "wait=soon", "await=5", "respond-async", ""])
def test_other_preferences_are_passed_over(live: Live, png: bytes, prefer: str) -> None:
    before = time.monotonic()
    assert invert(live, png, prefer).status_code == 202
    assert time.monotonic() - before < 1


def test_nobody_waits_on_behalf_of_a_client_that_left(live: Live, shared: Store, png: bytes) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(
            f"{live.url}/invert",
            files={"image": png},
            data={"prompt": "a cat"},
            headers={"Prefer": "wait=60"},
            timeout=1,
        )
    deadline = time.monotonic() + 2
    while shared.redis.info("clients")["blocked_clients"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert shared.redis.info("clients")["blocked_clients"] == 0


def test_the_end_of_the_process_ends_the_waiting(live: Live, png: bytes) -> None:
    answers: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: answers.append(invert(live, png, "wait=60")))
    thread.start()
    time.sleep(MOMENT)
    live.stop(within_s=3)
    thread.join(5)
    assert [answer.status_code for answer in answers] == [202]
