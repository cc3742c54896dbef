"""Two hosts with nothing in common but the queue and a bucket: what one has inverted, the other edits."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from tests.otlp import Receiver, receiving

T = TypeVar("T")

PICTURE = Path(__file__).parents[1] / "examples" / "cat.png"
PATIENCE_S = 300.0


@pytest.fixture
def traces() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Host:
    """A process with a home of its own."""

    def __init__(self, home: Path, environment: Mapping[str, str], *command: str) -> None:
        self.home, self.log = home, home / "log"
        home.mkdir()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=home,
                env={**os.environ, **environment, "PENTIMENTO_HOME": str(home)},
                stderr=log,
            )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def ran(self, job_id: str) -> bool:
        return any((line["event"], line.get("job_id")) == ("job ended", job_id) for line in self.lines())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def hosts(redis_url: str, bucket: str, traces: Receiver, tmp_path: Path) -> Iterator[tuple[Host, Host, Host]]:
    environment = {
        "PENTIMENTO_REDIS_URL": redis_url,
        "PENTIMENTO_STORE": bucket,
        "PENTIMENTO_THREADS": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
    }
    started = (
        Host(tmp_path / "api", environment, "service", "--port", "0"),
        Host(tmp_path / "one", environment, "workers"),
        Host(tmp_path / "two", environment, "workers"),
    )
    yield started
    for host in started:
        if host.process.poll() is None:
            host.stop()


def until(condition: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


def ended(http: httpx2.Client, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = http.get(answer.headers["location"]).json()
        return job if job["status"] in ("succeeded", "failed") else None

    job: dict[str, Any] = until(look, "the end of the job")
    assert job["status"] == "succeeded", job
    return job


def test_what_one_host_inverts_the_other_edits_with_the_same_result(
    hosts: tuple[Host, Host, Host], traces: Receiver
) -> None:
    api, one, two = hosts
    url = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", api.log.read_text()), "the API").group()
    with httpx2.Client(base_url=url, headers={"X-Request-ID": "from-afar"}, timeout=30) as http:
        until(lambda: (http.get("/models").json() or [{}])[0].get("workers") == 2, "both workers")
        form = {"prompt": "a cat on grass", "steps": "10"}
        inversion = ended(http, http.post("/invert", data=form, files={"image": PICTURE.read_bytes()}))
        asked = {"image_id": inversion["image_id"], "prompt": "a dog on grass"}
        here = ended(http, http.post("/edit", json=asked))
        until(lambda: one.ran(inversion["id"]) or two.ran(inversion["id"]), "the line of its end")
        first, other = (one, two) if one.ran(inversion["id"]) else (two, one)
        assert first.stop() == 0
        there = ended(http, http.post("/edit", json=asked))
        until(lambda: other.ran(there["id"]), "the line of its end")
        assert not other.ran(inversion["id"])
        assert there["result"]["source_cached"]
        assert [image["url"] for image in there["result"]["images"]] == [
            image["url"] for image in here["result"]["images"]
        ]
        assert http.get(there["result"]["images"][0]["url"]).content.startswith(b"\x89PNG")
    assert other.stop() == api.stop() == 0
    for host in hosts:
        assert [path.name for path in host.home.iterdir()] == ["log"]
    of_jobs = [line for line in first.lines() + other.lines() if "job_id" in line]
    assert {line["request_id"] for line in of_jobs} == {"from-afar"}
    requests = {span.id: span.name for span in traces.spans if span.service == "pentimento-api"}
    jobs = {span.about["pentimento.job_id"]: span for span in traces.spans if span.name.startswith("job ")}
    assert {requests[jobs[job["id"]].parent] for job in (here, there)} == {"POST /edit"}
