import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import store
from service.app import create_app
from service.edge import JSON_BYTES, UPLOAD_BYTES
from service.settings import RemoteRefused, ServiceSettings, is_loopback
from store import Store, StoreSettings

PROBLEM = "application/problem+json"
NO_IMAGE = "img_" + "a" * 26
NO_JOB = "job_" + "a" * 26


def test_the_service_starts_without_torch() -> None:
    code = (
        "import sys, service.app, service.__main__\n"
        "service.app.create_app()\n"
        "heavy = {'torch', 'numpy', 'diffusers', 'transformers', 'engine', 'workers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/jobs/", 404, "not_found"),
        ("GET", "/images/../../etc/passwd", 404, "not_found"),
        ("GET", f"/images/{NO_IMAGE}/record/record.safetensors", 404, "not_found"),
        ("GET", f"/images/{NO_IMAGE}/..%2f..%2fsecret.png", 404, "not_found"),
        ("GET", f"/images/{NO_IMAGE}/results/..%2fsource.png", 404, "not_found"),
        ("GET", f"/images/{NO_IMAGE}/results/source.png", 422, "validation_error"),
        ("GET", "/images/..%2f..%2fetc", 404, "not_found"),
        ("GET", "/images/..", 404, "not_found"),
        ("GET", "/images/%00", 422, "validation_error"),
        ("GET", "/images/img_ABCDEFGHIJKLMNOPQRSTUVWXYZ", 422, "validation_error"),
        ("GET", f"/images/{NO_IMAGE}%0a", 422, "validation_error"),
        ("GET", "/jobs/1", 422, "validation_error"),
        ("GET", f"/jobs/{NO_JOB}", 404, "not_found"),
        ("GET", f"/images/{NO_IMAGE}", 404, "not_found"),
        ("GET", "/jobs?limit=0", 422, "validation_error"),
        ("GET", "/jobs?limit=many", 422, "validation_error"),
        ("PUT", "/jobs", 405, "method_not_allowed"),
        ("POST", "/openapi.json", 405, "method_not_allowed"),
        ("POST", "/edit", 415, "unsupported_media_type"),
        ("POST", "/invert", 415, "unsupported_media_type"),
    ],
)
def test_every_error_is_a_problem(http: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = http.request(method, path)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer.headers["content-type"] == PROBLEM
    assert problem["type"] == f"urn:pentimento:problem:{code}"
    assert problem["detail"]
    assert problem["title"]


def test_405_names_all_the_methods_there_are(http: TestClient) -> None:
    assert http.put(f"/images/{NO_IMAGE}").headers["allow"] == "DELETE, GET, HEAD"
    assert http.get("/edit").headers["allow"] == "POST"
    assert set(http.put("/openapi.json").headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/healthz", "/jobs", "/nowhere", "/edit", "/openapi.json"])
def test_head_is_get_without_a_body(http: TestClient, path: str) -> None:
    full, head = http.get(path), http.head(path)
    assert (head.status_code, head.content) == (full.status_code, b"")
    assert head.headers == full.headers
    assert int(head.headers["content-length"]) == len(full.content) > 0


@pytest.mark.parametrize("host", [b"localhost", b"evil.example"])
def test_head_sends_no_body_even_where_the_server_would(http: TestClient, host: bytes) -> None:
    sent: list[Any] = []
    scope = {"type": "http", "method": "HEAD", "path": "/healthz", "headers": [(b"host", host)]}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(http.app({**scope, "query_string": b""}, receive, send))
    assert b"".join(message.get("body", b"") for message in sent) == b""
    assert not sent[-1].get("more_body")


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"[]", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
@pytest.mark.parametrize("path", ["/edit", "/invert"])
def test_malformed_json_is_a_validation_error(http: TestClient, path: str, body: bytes) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


@pytest.mark.parametrize(("path", "cap"), [("/edit", JSON_BYTES), ("/invert", UPLOAD_BYTES)])
def test_a_body_declared_too_large_is_refused_at_once(http: TestClient, path: str, cap: int) -> None:
    headers = {"content-type": "application/json", "content-length": str(cap + 1)}
    answer = http.post(path, content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(("path", "cap"), [("/edit", JSON_BYTES), ("/invert", UPLOAD_BYTES)])
def test_a_chunked_body_is_cut_off_at_the_cap(http: TestClient, path: str, cap: int) -> None:
    chunk = b" " * 2**16

    def body() -> Iterator[bytes]:
        for _ in range(cap // len(chunk) + 2):
            yield chunk

    answer = http.post(path, content=body(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/openapi.json", "/readyz", f"/images/{NO_IMAGE}"])
def test_security_headers_are_everywhere(http: TestClient, path: str) -> None:
    headers = http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80"])
def test_another_host_name_is_refused(http: TestClient, host: str) -> None:
    answer = http.get("/healthz", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://127.0.0.1.evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_a_page_of_another_site_cannot_post(
    http: TestClient, shared: Store, png: bytes, headers: dict[str, str]
) -> None:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert shared.queued() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"},
        {"origin": "http://[::1]:8000"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    ],
)
def test_a_page_of_this_machine_can_post(http: TestClient, png: bytes, headers: dict[str, str]) -> None:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"}, headers=headers)
    assert answer.status_code == 202


def test_a_link_on_another_site_can_be_followed_but_nothing_embedded(http: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert http.get("/healthz", headers=headers).status_code == 200
    assert http.get("/healthz", headers=headers | {"sec-fetch-mode": "no-cors"}).status_code == 403


def test_allowing_remote_leaves_origins_to_the_proxy(shared: Store) -> None:
    app = create_app(shared, ServiceSettings(allow_remote=True))
    with TestClient(app, base_url="http://pentimento.example") as http:
        answer = http.get("/healthz", headers={"origin": "https://pentimento.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LocalHost:8000"])
def test_names_of_this_machine_are_answered(http: TestClient, host: str) -> None:
    assert http.get("/healthz", headers={"host": host}).status_code == 200


def test_a_crash_is_a_problem_that_tells_no_secrets(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object, __: str) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(type(shared.jobs), "get", crash)
    answer = http.get(f"/jobs/{NO_JOB}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "swordfish" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_without_redis_requests_are_asked_to_come_back(tmp_path: Path, png: bytes) -> None:
    away = StoreSettings(redis_url=f"unix://{tmp_path}/none.sock", store=str(tmp_path / "store"))
    app = create_app(store.open(away), ServiceSettings())
    with TestClient(app, base_url="http://127.0.0.1") as http:
        answers = [
            http.post("/invert", files={"image": png}, data={"prompt": "a cat"}),
            http.get(f"/jobs/{NO_JOB}"),
        ]
        ready = http.get("/readyz")
        assert http.get("/healthz").status_code == 200
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert ready.status_code == 503
    assert [part["loc"] for part in ready.json()["errors"]] == [["redis"]]


def test_a_store_that_takes_no_writes_is_503(http: TestClient, shared: Store, png: bytes) -> None:
    shared.redis.config_set("maxmemory", "1")
    try:
        answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"})
    finally:
        shared.redis.config_set("maxmemory", "0")
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org", ""])
def test_refuses_to_listen_beyond_loopback(host: str) -> None:
    settings = ServiceSettings(host=host)
    with pytest.raises(RemoteRefused, match="API keys"):
        create_app(settings=settings)
    settings.model_copy(update={"allow_remote": True}).check_address()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_loopback_is_recognised(host: str) -> None:
    assert is_loopback(host)


def test_the_process_refuses_another_address_in_words() -> None:
    command = [sys.executable, "-m", "service", "--host", "0.0.0.0", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "no API keys yet" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sigterm_ends_the_process_cleanly(settings: StoreSettings) -> None:
    environment = {
        **os.environ,
        "PENTIMENTO_REDIS_URL": settings.redis_url,
        "PENTIMENTO_STORE": settings.store,
    }
    command = [sys.executable, "-m", "service", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running" in line:
                process.terminate()
        assert process.wait(30) == 0
