"""What is written down of every request."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from store import Store
from tests.service.conftest import NO_IMAGE, begin, invert


def requests(lines: list[Any]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize("given", ["a", "7f3e-1.B_c", "x" * 64])
def test_a_request_keeps_the_id_that_it_came_with(http: TestClient, given: str) -> None:
    assert http.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", "a\tb", "naïve", '"}'])
def test_a_request_without_a_fit_id_gets_one(http: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    first, second = (http.get("/nowhere", headers=headers).headers["x-request-id"] for _ in range(2))
    assert len(first) == 32
    assert first not in (given, second)


def test_every_request_but_the_probes_of_a_healthy_process_is_a_line(http: TestClient) -> None:
    with capture_logs() as lines:
        http.get("/healthz")
        http.get("/readyz")
        http.get(f"/images/{NO_IMAGE}?secret=1")
        http.get("/jobs", headers={"Host": "evil.example"})
    probe, image, foreign = requests(lines)
    assert (probe["path"], probe["status"]) == ("/readyz", 503)
    assert image == image | {
        "method": "GET",
        "path": f"/images/{NO_IMAGE}",
        "status": 404,
        "image_id": NO_IMAGE,
        "tenant": "default",
    }
    assert image["seconds"] >= 0
    assert foreign["status"] == 404
    assert "secret" not in json.dumps(lines)


def test_lines_name_the_tenant_and_the_key_but_never_its_secret(http: TestClient, shared: Store) -> None:
    key, token = shared.apikeys.add("shop", tenant="shop")
    with capture_logs() as lines:
        http.get("/jobs", headers={"Authorization": f"Bearer {token}"})
        http.get("/jobs", headers={"Authorization": "Bearer pk_wrong"})
    known, unknown = requests(lines)
    assert (known["tenant"], known["key"]) == ("shop", key.id)
    assert "tenant" not in unknown
    assert token not in json.dumps(lines)
    assert "pk_wrong" not in json.dumps(lines)


def test_a_job_is_known_by_the_request_that_asked_for_it(http: TestClient, shared: Store, png: bytes) -> None:
    http.headers["X-Request-ID"] = "mine"
    accepted = invert(http, png)
    claim = begin(shared, accepted.job_id)
    assert claim.request_id == "mine"


def test_a_path_of_any_length_and_form_is_one_short_line(http: TestClient, png: bytes) -> None:
    invert(http, png)
    with capture_logs() as lines:
        http.get("/" + "%0A" * 1000)
    assert len(requests(lines)[0]["path"]) == 200
