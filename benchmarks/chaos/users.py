"""What users do at a bad moment, each with an image of its own that is deleted when the fault ends.

A promise that is not kept raises RuntimeError.
"""

import io
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx2
from PIL import Image

from benchmarks.chaos.fleet import Fleet, until

_STEPS = 4
_PATIENCE_S = 180.0
_AGAIN = frozenset({408, 409, 429, 503})
_HUNG = """
import sys, time
from workers import process, reporter
reporter.Reporter.__call__ = lambda *_: time.sleep(3600)
sys.exit(process.main([]))
"""
_ENDED = frozenset({"succeeded", "failed", "canceled", "aborted"})


@dataclass(frozen=True)
class Guest:
    """An image that only its fault knows."""

    fleet: Fleet
    image_id: str
    inversion: str

    def edit(self, prompt: str, key: str) -> str:
        """The job of an edit under this idempotency key."""
        answer = ask(self.fleet, "POST", "/edit", key, json={"image_id": self.image_id, "prompt": prompt})
        return self.promised(answer)

    def promised(self, answer: httpx2.Response) -> str:
        """The job that an answer promises, for the auditor to know of."""
        job_id = str(answer.json()["job_id"])
        self.fleet.promised.add(job_id)
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it stands now."""
        found: dict[str, Any] = ask(self.fleet, "GET", f"/jobs/{job_id}").json()
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job, which must succeed."""
        until(lambda: self.job(job_id)["status"] in _ENDED, _PATIENCE_S, f"the end of {job_id}")
        job = self.job(job_id)
        if job["status"] != "succeeded":
            raise RuntimeError(f"{job_id} {job['status']}: {job.get('error')}")
        return job

    def edits(self) -> list[str]:
        """The ids of all edits of the image."""
        query = f"/jobs?kind=edit&limit=200&image_id={self.image_id}"
        return [job["id"] for job in ask(self.fleet, "GET", query).json()["jobs"]]


def delete_during_edit(fleet: Fleet, random: Random) -> None:
    """DELETE of an image while a worker edits it."""
    with guest_of(fleet, random) as guest:
        job_id = guest.edit("a dog on grass", _key(random))
        until(lambda: guest.job(job_id)["status"] != "queued", _PATIENCE_S, "a worker to begin the edit")
        ask(fleet, "DELETE", f"/images/{guest.image_id}")
        for path in (f"/images/{guest.image_id}", f"/jobs/{job_id}/preview.png"):
            answer = ask(fleet, "GET", path)
            if answer.status_code != 404:
                raise RuntimeError(f"{path} answers {answer.status_code} after the image was deleted")


def lost_answers(fleet: Fleet, random: Random) -> None:
    """Ten clients that leave before the answer and ask again under the same Idempotency-Key."""
    with guest_of(fleet, random) as guest:
        wanted = {f"{_key(random)}-{number}": f"a dog on grass {number}" for number in range(10)}
        for number, (key, prompt) in enumerate(wanted.items()):
            _send_and_leave(fleet.ports[number % 2], key, {"image_id": guest.image_id, "prompt": prompt})
        for key, prompt in wanted.items():
            guest.edit(prompt, key)
        if len(guest.edits()) != len(wanted):
            raise RuntimeError(
                f"{len(wanted)} edits that were asked for twice made {len(guest.edits())} jobs"
            )


def flood(fleet: Fleet, random: Random) -> None:
    """One client that asks for edits until the queue is full, and then for the last one until it is taken."""
    with guest_of(fleet, random) as guest:
        for number in range(1000):
            body = {"image_id": guest.image_id, "prompt": f"a dog on grass {number}"}
            answer = ask(fleet, "POST", "/edit", _key(random), full=True, json=body)
            if answer.status_code == 429:
                break
            guest.promised(answer)
        else:
            raise RuntimeError("a thousand edits did not fill the queue")
        if answer.json()["code"] != "queue_full" or int(answer.headers["retry-after"]) < 1:
            raise RuntimeError(f"a full queue answered {answer.text}")
        for job_id in guest.edits()[:50]:
            ask(fleet, "POST", f"/jobs/{job_id}/cancel")
        guest.edit("a dog on grass", _key(random))


def hanging_receiver(fleet: Fleet, random: Random) -> None:
    """A receiver of webhooks that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with guest_of(fleet, random, webhook_url=url) as guest:
            guest.ended(guest.inversion)
            until(lambda: bool(held), 60, "the keeper to call the receiver")
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def many_readers(fleet: Fleet, random: Random) -> None:
    """Eight readers of one big picture as WebP, each at a quality of its own."""
    with guest_of(fleet, random, size=(2000, 1500)) as guest:

        def read(quality: int) -> int:
            return ask(
                fleet, "GET", f"/images/{guest.image_id}/source.webp?quality={quality}", timeout=120
            ).status_code

        with ThreadPoolExecutor(8) as threads:
            codes = list(threads.map(read, range(50, 90, 5)))
        if set(codes) != {200}:
            raise RuntimeError(f"readers of a picture were answered {codes}")


def two_workers(fleet: Fleet, random: Random) -> None:
    """Two workers that find six jobs of one new image in the queue."""
    member = fleet.copy("worker")
    member.start()
    try:
        until(lambda: workers(fleet) > 1, 90, "a second worker")
        with guest_of(fleet, random) as guest:
            edits = [guest.edit("a dog on grass", _key(random)) for _ in range(6)]
            made = [guest.ended(job_id)["result"] for job_id in edits]
            inverted = guest.ended(guest.inversion)["result"]
            pictures = {json.dumps([image["url"] for image in each["images"]]) for each in made}
            if len(pictures) != 1:
                raise RuntimeError(f"the same edit made {pictures}")
            new = Counter(each["inversion"]["id"] for each in made if not each["source_cached"])
            new[inverted["inversion"]["id"]] += not inverted["cached"]
            if max(new.values()) > 1:
                raise RuntimeError(f"two workers made an inversion more than once: {new}")
    finally:
        member.end()


def hung_step(fleet: Fleet, random: Random) -> None:
    """A second worker whose first step never returns: it ends itself at the step's deadline."""
    member = fleet.copy("worker", (sys.executable, "-P", "-c", _HUNG), PENTIMENTO_STEP_DEADLINE_S="3")
    member.start()
    process = member.process
    assert process is not None
    try:
        until(lambda: workers(fleet) > 1, 90, "a second worker")
        with guest_of(fleet, random) as guest:
            edits = [guest.edit(f"a dog on grass {number}", _key(random)) for number in range(12)]
            until(lambda: process.poll() is not None, 60, "a worker whose step hangs to end itself")
            for job_id in edits:
                guest.ended(job_id)
    finally:
        member.signal(signal.SIGKILL)


def workers(fleet: Fleet) -> int:
    """How many workers are alive."""
    return sum(model["workers"] for model in ask(fleet, "GET", "/models").json())


@contextmanager
def guest_of(
    fleet: Fleet, random: Random, size: tuple[int, int] = (64, 64), **fields: str
) -> Iterator[Guest]:
    """An image that was just sent to be inverted; it is deleted at the end."""
    data = {"prompt": "a cat on grass", "steps": str(_STEPS), **fields}
    answer = ask(fleet, "POST", "/invert", _key(random), files={"image": _picture(random, size)}, data=data)
    accepted = answer.json()
    guest = Guest(fleet, accepted["image_id"], accepted["job_id"])
    guest.promised(answer)
    try:
        yield guest
    finally:
        ask(fleet, "DELETE", f"/images/{guest.image_id}")


def ask(
    fleet: Fleet,
    method: str,
    path: str,
    key: str | None = None,
    *,
    full: bool = False,
    timeout: float = 15,
    **body: Any,
) -> httpx2.Response:
    """The answer of one API or the other, asked again while there is none or a temporary one.

    With `full` an answer that the queue is full is one too.
    """
    headers = {} if key is None else {"Idempotency-Key": key}
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        url = f"{fleet.urls[time.monotonic_ns() % 2]}{path}"
        try:
            answer = httpx2.request(method, url, headers=headers, timeout=timeout, **body)
        except httpx2.HTTPError:
            time.sleep(0.3)
            continue
        if answer.status_code not in _AGAIN or (full and answer.status_code == 429):
            if answer.status_code >= 500:
                raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
            return answer
        time.sleep(0.3)
    raise TimeoutError(f"no answer to {method} {path}")


def _send_and_leave(port: int, key: str, body: Mapping[str, str]) -> None:
    data = json.dumps(body).encode()
    head = (
        "POST /edit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {key}\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    except OSError:
        return


def _key(random: Random) -> str:
    return f"guest-{random.getrandbits(64):x}-{os.getpid()}"


def _picture(random: Random, size: tuple[int, int]) -> bytes:
    """Smooth colours, others every time."""
    small = Image.frombytes("RGB", (6, 6), random.randbytes(108))
    buffer = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
