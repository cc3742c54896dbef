"""Every error is a problem, whatever caused it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

import store
from service.app import create_app
from service.settings import ServiceSettings
from store import Store, StoreSettings
from tests.service.conftest import NO_IMAGE

PROBLEM = "application/problem+json"


NO_JOB = "job_" + "a" * 26


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
        ("GET", f"/images/{NO_IMAGE}/mask.png", 422, "validation_error"),
        ("GET", "/images/..%2f..%2fetc", 404, "not_found"),
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


@pytest.mark.parametrize("body", [b"", b"{", b"nul", b"[]", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
@pytest.mark.parametrize("path", ["/edit", "/invert"])
def test_malformed_json_is_a_validation_error(http: TestClient, path: str, body: bytes) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


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
