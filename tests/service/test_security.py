"""What holds for every request: where it comes from, how large it is, and what every answer carries."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.security import JSON_BYTES, UPLOAD_BYTES
from service.settings import ServiceSettings
from store import Store
from tests.service.conftest import NO_IMAGE, invert

PROBLEM = "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/jobs", "/nowhere", "/edit", "/openapi.json"])
def test_head_is_get_without_a_body(http: TestClient, path: str) -> None:
    named = {"X-Request-ID": "same"}
    full, head = http.get(path, headers=named), http.head(path, headers=named)
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


@pytest.mark.parametrize(
    ("path", "cap"), [("/prompts/compare", JSON_BYTES), ("/edit", UPLOAD_BYTES), ("/invert", UPLOAD_BYTES)]
)
def test_a_body_declared_too_large_is_refused_at_once(http: TestClient, path: str, cap: int) -> None:
    headers = {"content-type": "application/json", "content-length": str(cap + 1)}
    answer = http.post(path, content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("path", "cap"), [("/prompts/compare", JSON_BYTES), ("/edit", UPLOAD_BYTES), ("/invert", UPLOAD_BYTES)]
)
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


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])
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
    assert shared.stats().queued == 0


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


def remote(shared: Store, **fields: Any) -> TestClient:
    """The API as compose runs it: listening on every address, without keys."""
    settings = ServiceSettings(host="0.0.0.0", allow_remote=True, **fields)
    return TestClient(create_app(shared, settings), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["rebound.example", "localhost.evil.example", "api"])
def test_a_name_that_points_here_is_no_way_in_even_where_all_addresses_are_listened_on(
    shared: Store, png: bytes, host: str
) -> None:
    with remote(shared, allowed_hosts="pentimento.example") as http:
        image_id = invert(http, png).image_id
        foreign = {"host": host}
        assert http.get("/images", headers=foreign).status_code == 404
        assert http.delete(f"/images/{image_id}", headers=foreign).status_code == 404
        assert http.get(f"/images/{image_id}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://pentimento.example:1234"},
        {"origin": "http://localhost:3000", "host": "pentimento.example"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_a_foreign_page_cannot_post_even_where_all_addresses_are_listened_on(
    shared: Store, png: bytes, headers: dict[str, str]
) -> None:
    with remote(shared, allowed_hosts="pentimento.example") as http:
        answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert shared.stats().queued == 0


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("pentimento.example", "https://pentimento.example"),
        ("shop.pentimento.example:8443", "https://shop.pentimento.example:8443"),
        ("192.168.1.7:8000", "http://192.168.1.7:8000"),
        ("[2001:db8::7]", "http://[2001:db8::7]"),
        ("pentimento.example", "https://shop.example"),
    ],
)
def test_the_own_page_and_those_that_are_allowed_can_post(
    shared: Store, png: bytes, host: str, origin: str
) -> None:
    names, pages = "pentimento.example, *.pentimento.example", "https://shop.example/"
    with remote(shared, allowed_hosts=names, allowed_origins=pages) as http:
        headers = {"host": host, "origin": origin}
        answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"}, headers=headers)
    assert answer.status_code == 202


def test_an_allowed_page_may_read_what_it_asked_for(shared: Store) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    with remote(shared, allowed_origins="https://shop.example") as http:
        assert http.options("/edit", headers=asked).headers["access-control-allow-origin"] == asked["origin"]
        answer = http.get("/jobs", headers={"origin": "https://shop.example"})
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert http.options("/edit", headers=asked | {"origin": "https://evil.example"}).status_code == 403


def test_a_service_on_loopback_is_not_asked_for_by_another_address(http: TestClient) -> None:
    assert http.get("/healthz", headers={"host": "192.168.1.7:8000"}).status_code == 404


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LocalHost:8000"])
def test_names_of_this_machine_are_answered(http: TestClient, host: str) -> None:
    assert http.get("/healthz", headers={"host": host}).status_code == 200
