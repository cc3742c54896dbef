"""What one connection may cost, over real sockets: every attack here is bounded in count and time."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import httpx2
import pytest

from service.connections import ConnectionLimits
from service.settings import ServiceSettings
from store import Store
from tests.service.conftest import begin, inverted
from tests.service.live import Live, serving, told

LIMITS = ConnectionLimits(connections=40, head_s=1.0, body_idle_s=1.0, stalled_s=1.0)
SETTINGS = ServiceSettings(max_streams=10, max_requests=30)


@pytest.fixture
def live(shared: Store) -> Iterator[Live]:
    with serving(shared, SETTINGS, LIMITS) as live:
        yield live


def connect(live: Live) -> socket.socket:
    host, port = live.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def answer(connection: socket.socket) -> tuple[int, dict[str, str]]:
    """The status and the problem that end the connection."""
    received = b""
    while piece := connection.recv(2**16):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    return int(head.split()[1]), json.loads(body)


def ended(connection: socket.socket, send: Callable[[], None]) -> bool:
    """Whether the server ends the connection while the client goes on sending and reads nothing."""
    for _ in range(1000):
        try:
            send()
        except TimeoutError:
            continue
        except OSError:
            return True
        time.sleep(0.01)
    return False


@contextmanager
def many(live: Live, count: int, data: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connections.append(stack.enter_context(connect(live)))
            connections[-1].sendall(data)
        yield connections


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: " + b"a/b, " * 2**14,
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a: b\r\n" * 2**14,
        b"GET /" + b"a" * 2**16,
    ],
    ids=["one long header", "many headers", "a long address"],
)
def test_headers_without_end_are_cut_off(live: Live, endless: bytes) -> None:
    with connect(live) as connection:
        connection.sendall(endless)
        status, problem = answer(connection)
    assert (status, problem["code"]) == (431, "headers_too_large")


def test_headers_too_large_are_refused_even_when_they_come_whole(live: Live) -> None:
    accept = "a/b," * (LIMITS.head_bytes // 4)
    refused = httpx2.get(f"{live.url}/healthz", headers={"Accept": accept})
    assert (refused.status_code, refused.json()["code"]) == (431, "headers_too_large")
    fits = httpx2.get(f"{live.url}/healthz", headers={"Accept": accept[: LIMITS.head_bytes - 1000]})
    assert fits.status_code == 200


@pytest.mark.parametrize(
    "around", [b"1;" + b"x" * 100 + b"\r\na\r\n", b"0\r\n" + b"a: b\r\n" * 20], ids=["extensions", "trailers"]
)
def test_what_surrounds_a_body_is_bounded_too(live: Live, around: bytes) -> None:
    with connect(live) as connection:
        connection.sendall(
            b"POST /invert HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        time.sleep(0.2)
        assert ended(connection, lambda: connection.sendall(around * 8))


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_headers_that_never_come_end_the_connection(live: Live, data: bytes) -> None:
    with connect(live) as connection:
        connection.sendall(data)
        status, problem = answer(connection)
    assert (status, problem["code"]) == (408, "request_timeout")


def test_half_sent_bodies_end(live: Live) -> None:
    half = (
        b"POST /invert HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100000\r\n\r\n{"
    )
    with many(live, 20, half) as connections:
        answers = [answer(connection) for connection in connections]
    assert {(status, problem["code"]) for status, problem in answers} == {(408, "request_timeout")}


def test_a_body_that_drips_ends(live: Live) -> None:
    with connect(live) as connection:
        connection.sendall(
            b"POST /edit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000\r\n\r\n"
        )
        connection.settimeout(0.3)
        for _ in range(20):
            connection.sendall(b" ")
            try:
                assert connection.recv(12) == b"HTTP/1.1 408"
                return
            except TimeoutError:
                continue
    raise AssertionError("the body was waited for")


def test_half_sent_requests_shut_nobody_out(live: Live) -> None:
    with many(live, 3 * LIMITS.connections, b"GET /healthz HTTP/1.1\r\n"):
        for _ in range(10):
            assert httpx2.get(f"{live.url}/healthz", timeout=30).status_code == 200


def test_a_connection_too_many_is_told_so(shared: Store, png: bytes) -> None:
    limits = replace(LIMITS, connections=5, body_idle_s=30)
    half = (
        b"POST /edit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 9\r\n\r\n"
    )
    with serving(shared, SETTINGS, limits) as live, many(live, 5, half):
        time.sleep(0.3)
        refused = httpx2.get(f"{live.url}/healthz")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) > 0


def test_an_answer_that_is_not_read_ends(live: Live) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connect(live) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.2)
        assert ended(connection, lambda: connection.sendall(asked))


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n"])
def test_what_is_no_http_is_refused_as_a_problem(live: Live, sent: bytes) -> None:
    with connect(live) as connection:
        connection.sendall(sent)
        status, problem = answer(connection)
    assert (status, problem["code"]) == (400, "bad_request")


def test_requests_that_come_in_one_piece_are_all_answered(live: Live) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with connect(live) as connection:
        connection.sendall((asked + b"\r\n") * 3 + asked + b"Connection: close\r\n\r\n")
        received = b""
        while piece := connection.recv(2**16):
            received += piece
    assert received.count(b"HTTP/1.1 200") == 4


def test_streams_of_a_job_share_one_reader_and_a_key_has_so_many(
    live: Live, shared: Store, png: bytes
) -> None:
    job = httpx2.post(f"{live.url}/invert", files={"image": png}, data={"prompt": "a cat"}).json()
    address = f"{live.url}/jobs/{job['job_id']}/events"
    with ExitStack() as stack:
        streams = [stack.enter_context(httpx2.stream("GET", address)) for _ in range(10)]
        followed = [told(stream.iter_lines()) for stream in streams]
        assert {next(each).data.status for each in followed} == {"queued"}
        refused = httpx2.get(address)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert httpx2.get(f"{live.url}/jobs").status_code == 200
        waiting = [client for client in shared.redis.client_list() if "b" in client["flags"]]
        assert len(waiting) == 1
        shared.jobs.succeed(begin(shared, job["job_id"]), inverted(job["image_id"]))
        assert {list(each)[-1].data.status for each in followed} == {"succeeded"}
    assert httpx2.get(address).status_code == 200


def test_waits_for_an_end_count_as_streams(live: Live, png: bytes) -> None:
    job = httpx2.post(f"{live.url}/invert", files={"image": png}, data={"prompt": "a cat"}).json()
    with ExitStack() as stack:
        address = f"{live.url}/jobs/{job['job_id']}/events"
        streams = [stack.enter_context(httpx2.stream("GET", address)) for _ in range(10)]
        assert {stream.status_code for stream in streams} == {200}
        answered = httpx2.post(
            f"{live.url}/edit",
            json={"image_id": job["image_id"], "prompt": "a dog", "method": "p2p"},
            headers={"Prefer": "wait=60"},
            timeout=30,
        )
        assert answered.status_code == 202


def test_an_old_protocol_needs_no_host_and_a_new_one_is_asked_for_it(live: Live) -> None:
    with connect(live) as old:
        old.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200" in old.recv(2**16).partition(b"\r\n")[0]
    with connect(live) as new:
        new.sendall(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        status, problem = answer(new)
        assert (status, problem["code"], "Host" in problem["detail"]) == (400, "bad_request", True)
