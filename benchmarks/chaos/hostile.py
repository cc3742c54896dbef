"""Hostile requests to a running service; none of them may cost an accepted job, or an answer of 500."""

import io
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from random import Random

import httpx2

from benchmarks.chaos.fleet import Fleet

_SECONDS = 3.0
_LARGE = 27 * 2**20
_REFUSED = frozenset({408, 413, 415, 422, 429, 431, 503})


def half_sent_requests(fleet: Fleet, _: Random) -> None:
    """Three hundred requests of which the headers never end, for 3 s."""
    with _connections(fleet, 300) as connections:
        _send(connections, b"GET /jobs HTTP/1.1\r\n")
        time.sleep(_SECONDS)


def endless_headers(fleet: Fleet, _: Random) -> None:
    """Fifty requests whose headers go on and on, for 3 s."""
    with _connections(fleet, 50) as connections:
        _send(connections, b"GET /jobs HTTP/1.1\r\nHost: localhost\r\n")
        deadline = time.monotonic() + _SECONDS
        while connections and time.monotonic() < deadline:
            connections = _send(connections, b"X-More: " + b"a" * 4000 + b"\r\n")


def large_bodies(fleet: Fleet, _: Random) -> None:
    """Twenty JSON bodies of 27 MB at once, which are no pictures."""
    body = b'{"prompt": "a cat", "image": "' + b"QUJD" * (_LARGE // 4) + b'"}'
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda url: _refused(url, body, "application/json"), _in_turn(fleet, 20)))


def hostile_files(fleet: Fleet, _: Random) -> None:
    """A picture of 900 million pixels, a chunk that unpacks to 1 GB, PostScript as PNG, and half a JPEG."""
    files = [_png(30_000, 30_000), _png(8, 8, _chunk(b"zTXt", b"a\0\0" + _zeros(2**30))), _POSTSCRIPT, _HALF]
    for url, file in zip(_in_turn(fleet, len(files)), files, strict=True):
        boundary = b"--x\r\n"
        form = (
            boundary
            + b'Content-Disposition: form-data; name="prompt"\r\n\r\na cat\r\n'
            + boundary
            + b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
            + file
            + b"\r\n--x--\r\n"
        )
        _refused(url, form, "multipart/form-data; boundary=x")


def many_streams(fleet: Fleet, _: Random) -> None:
    """Six hundred streams of events of one job, for 3 s."""
    (job,) = httpx2.get(f"{fleet.urls[0]}/jobs?limit=1", timeout=30).json()["jobs"]
    with _connections(fleet, 600) as connections:
        path = job["links"]["events"].encode()
        _send(connections, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(_SECONDS)


@contextmanager
def _connections(fleet: Fleet, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        found = []
        for _, port in zip(range(count), cycle(fleet.ports), strict=False):
            try:
                found.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1)))
            except OSError:
                continue
        yield found


def _send(connections: list[socket.socket], data: bytes) -> list[socket.socket]:
    """Send it over each; those that took it."""
    open_ = []
    for connection in connections:
        try:
            connection.sendall(data)
        except OSError:
            continue
        open_.append(connection)
    return open_


def _in_turn(fleet: Fleet, count: int) -> list[str]:
    return [url for _, url in zip(range(count), cycle(fleet.urls), strict=False)]


def _refused(url: str, body: bytes, kind: str) -> None:
    """Send it; raises RuntimeError if it is taken, or answered by a failure."""
    try:
        answer = httpx2.post(f"{url}/invert", content=body, headers={"Content-Type": kind}, timeout=60)
    except httpx2.HTTPError:  # the service may close a connection that sends too much
        return
    if answer.status_code not in _REFUSED:
        raise RuntimeError(f"a hostile body was answered {answer.status_code}: {answer.text[:200]}")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def _zeros(count: int) -> bytes:
    """That many zeros, deflated, a megabyte at a time."""
    deflating, out = zlib.compressobj(1), io.BytesIO()
    for _ in range(count // 2**20):
        out.write(deflating.compress(bytes(2**20)))
    out.write(deflating.flush())
    return out.getvalue()


def _png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG of which the rows end early."""
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    parts = [_chunk(b"IHDR", head), *more, _chunk(b"IDAT", zlib.compress(bytes(1000))), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) run\n"
_HALF = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043") + b"\x10" * 200
