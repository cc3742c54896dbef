"""How the process ends: it says so first, answers what it was asked, and leaves with status 0."""

import json
import signal
import socket
import time

import httpx2

from store import Store
from tests.service.conftest import Start, serve


def test_a_process_that_drains_says_that_it_is_not_ready_and_answers_on(start: Start, shared: Store) -> None:
    serve(shared)
    shared.presence.publish_keeper("keeper", 60)
    process, url = start({"PENTIMENTO_DRAIN_S": "2"})
    assert httpx2.get(f"{url}/readyz").status_code == 200
    process.send_signal(signal.SIGTERM)
    answer = httpx2.get(f"{url}/readyz")
    while answer.status_code == 200:
        answer = httpx2.get(f"{url}/readyz")
    assert [part["loc"] for part in answer.json()["errors"]] == [["api"]]
    assert httpx2.get(f"{url}/jobs").status_code == 200
    assert process.wait(20) == 0


def test_a_second_signal_does_not_wait_for_the_drain(start: Start) -> None:
    process, _ = start({"PENTIMENTO_DRAIN_S": "600"})
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_request_on_its_way_is_answered_before_the_end(start: Start) -> None:
    process, url = start()
    port = int(url.rpartition(":")[2])
    body = json.dumps({"image_id": "img_" + "a" * 26, "prompt": "a dog"}).encode()
    headers = "Host: 127.0.0.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    head = f"POST /edit HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        while listens(port):
            time.sleep(0.05)
        connection.sendall(body)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert process.wait(20) == 0


def test_whoever_follows_a_job_is_let_go_at_the_end(start: Start, png: bytes) -> None:
    process, url = start()
    answer = httpx2.post(f"{url}/invert", files={"image": png}, data={"prompt": "a cat on grass"})
    with httpx2.stream("GET", f"{url}{answer.json()['links']['events']}", timeout=20) as events:
        lines = events.iter_lines()
        assert "event: status" in next(lines) + next(lines)
        process.send_signal(signal.SIGTERM)
        assert "event: progress" not in list(lines)
    assert process.wait(20) == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_the_process_writes_is_one_json_object_a_line(start: Start) -> None:
    process, url = start()
    httpx2.get(f"{url}/jobs", headers={"X-Request-ID": "mine"})
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    lines = [json.loads(line) for line in process.stderr]
    request = next(line for line in lines if line["event"] == "request")
    assert (request["request_id"], request["path"], request["level"]) == ("mine", "/jobs", "info")
    assert request["timestamp"].endswith("Z")
    assert process.wait(20) == 0
