"""The proxy in front of the API has the bounds of the service, and speaks as it does."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api_schemas import PROBLEM_JSON, Problem
from service.connections import ConnectionLimits
from service.request_headers import LONGEST_WAIT_S
from service.routes.openai import LONGEST_S
from service.security import UPLOAD_BYTES
from store import Store
from tests.deploy.files import PROXY, ROOT, read
from tests.service.conftest import png as png
from tests.service.live import serving


def proxy_setting(name: str) -> str:
    found = re.search(rf"^ *{name} ([^;]*);", (ROOT / PROXY).read_text(), re.MULTILINE)
    assert found, name
    return found[1]


def test_the_proxy_has_the_bounds_of_the_service() -> None:
    limits = ConnectionLimits()
    number, size = proxy_setting("large_client_header_buffers").split()
    assert int(number) * int(size.removesuffix("k")) * 2**10 == limits.head_bytes
    assert proxy_setting("client_header_timeout") == f"{limits.head_s:g}s"
    assert proxy_setting("client_body_timeout") == f"{limits.body_idle_s:g}s"
    assert proxy_setting("send_timeout") == f"{limits.stalled_s:g}s"
    assert proxy_setting("client_max_body_size") == f"{UPLOAD_BYTES // 2**20}m"
    assert proxy_setting("limit_conn in_all") == str(limits.connections)
    assert "proxy" in read("docker-compose.yml")["services"]


def test_the_proxy_waits_for_answers_that_come_when_a_job_has_ended() -> None:
    usual = int(proxy_setting("proxy_read_timeout").removesuffix("s"))
    assert usual > LONGEST_WAIT_S
    location = re.search(r"location /v1/images/ \{([^}]*)\}", (ROOT / PROXY).read_text())
    assert location
    longest = re.search(r"proxy_read_timeout (\d+)h;", location[1])
    assert longest
    assert int(longest[1]) * 3600 > LONGEST_S


def test_what_the_proxy_answers_itself_are_problems_of_ours() -> None:
    text = (ROOT / PROXY).read_text()
    answered = re.findall(r"return (\d+) '(.*)';", text)
    assert len(answered) == text.count("internal;")
    for status, body in answered:
        problem = Problem.model_validate_json(body)
        assert problem == Problem.of(problem.code, problem.detail)
        assert problem.status == int(status)


@pytest.fixture
def proxied(shared: Store, tmp_path: Path) -> Iterator[str]:
    """The URL of the proxy in front of the API."""
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(shared) as live:
        text = (ROOT / PROXY).read_text().replace("http://api:8000", live.url)
        text = text.replace("listen 8000", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{tmp_path}/")
        (tmp_path / "nginx.conf").write_text(
            text.replace("client_header_timeout 10s", "client_header_timeout 1s")
        )
        command = [nginx, "-e", "stderr", "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def test_the_proxy_passes_on_what_is_right_and_refuses_the_rest(
    proxied: str, shared: Store, png: bytes
) -> None:
    job = httpx2.post(f"{proxied}/invert", files={"image": png}, data={"prompt": "a cat"}).json()
    with httpx2.stream("GET", f"{proxied}/jobs/{job['job_id']}/events") as stream:
        assert "queued" in next(line for line in stream.iter_lines() if line.startswith("data"))
    assert httpx2.get(f"{proxied}/jobs", headers={"Host": "rebound.example"}).status_code == 404
    refused = [
        httpx2.get(f"{proxied}/healthz", headers={"Accept": "a/b," * 2**14}),
        httpx2.get(f"{proxied}/{'a' * 2**15}"),
        httpx2.post(f"{proxied}/invert", content=b" " * (UPLOAD_BYTES + 1)),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (431, "headers_too_large"),
        (431, "headers_too_large"),
        (413, "payload_too_large"),
    ]
    assert {answer.headers["content-type"] for answer in refused} == {PROBLEM_JSON}
    host, port = proxied.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as half_sent:
        half_sent.sendall(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(ConnectionResetError):
            half_sent.recv(100)
