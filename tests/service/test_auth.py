"""Nobody gets in without a key once there is one, and no key may send more than is agreed."""

import time
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from service.app import create_app
from service.routes import OPEN_ROUTERS, ROUTERS
from service.settings import RemoteRefused, ServiceSettings
from store import Store
from tests.service.conftest import NO_IMAGE, invert

OPEN = {"/docs", "/", "/healthz", "/readyz", "/openapi.json"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def operations(http: TestClient) -> Iterator[tuple[str, str]]:
    """Every route of the service, with ids that fit its path but that nobody was given."""
    ids = {"image_id": NO_IMAGE, "job_id": "job_" + "a" * 26, "record_id": "rec_" + "a" * 26}
    ids |= {"digest": "a" * 64, "name": "working"}
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        for method in methods:
            yield method.upper(), path.format(**ids)


def guarded(http: TestClient) -> list[tuple[str, str]]:
    return [
        (method, path)
        for method, path in operations(http)
        if path not in OPEN and not path.startswith("/studio/")
    ]


def test_without_keys_the_service_is_open(http: TestClient) -> None:
    assert http.get("/jobs").status_code == 200
    assert http.get("/jobs", headers={"Authorization": "Basic cHJveHk6c2VjcmV0"}).status_code == 200


def test_with_a_key_every_route_but_the_open_ones_needs_one(http: TestClient, shared: Store) -> None:
    _, token = shared.apikeys.add("shop")
    assert len(guarded(http)) >= 9
    for method, path in guarded(http):
        answer = http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, path)
        assert answer.headers["www-authenticate"] == 'Bearer realm="pentimento"'
        assert http.request(method, path, headers=bearer(token)).status_code != 401, (method, path)
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert http.get(path).status_code != 401


def test_every_guarded_route_says_so_in_the_description(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            needs = path not in OPEN and not path.startswith("/studio/")
            assert ("security" in operation) is needs, (method, path)
            assert ("401" in operation["responses"]) is needs, (method, path)
            if needs:
                assert operation["security"] == [{"key": []}, {}]
                assert "503" in operation["responses"], (method, path)
            if method == "post":
                codes = operation["responses"]["429"]["content"]["application/problem+json"]["examples"]
                assert "rate_limited" in codes, path


def test_nothing_can_be_reached_past_the_gate(shared: Store) -> None:
    assert all(isinstance(route, APIRoute) for router in ROUTERS for route in router.routes)
    beside = create_app(shared, ServiceSettings()).routes + [r for each in OPEN_ROUTERS for r in each.routes]
    paths = {path for route in beside if (path := getattr(route, "path", None))}
    assert {path for path in paths if not path.startswith("/studio")} <= OPEN


@pytest.mark.parametrize(
    "header", ["Bearer pk_x", "Bearer pk_000000000000_" + "0" * 48, "bearer \xff", "Basic cHJveHk6c2VjcmV0"]
)
def test_what_is_no_key_is_refused(http: TestClient, shared: Store, header: str) -> None:
    shared.apikeys.add("shop")
    answer = http.get("/jobs", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_an_unknown_key_is_refused_where_none_is_needed(http: TestClient) -> None:
    answer = http.get("/jobs", headers=bearer("pk_000000000000_" + "0" * 48))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_revoking_takes_effect_at_once_and_opens_nothing(http: TestClient, shared: Store) -> None:
    key, token = shared.apikeys.add("shop")
    assert http.get("/jobs", headers=bearer(token)).status_code == 200
    shared.apikeys.revoke(key.id)
    assert http.get("/jobs", headers=bearer(token)).status_code == 401
    assert http.get("/jobs").status_code == 401
    shared.apikeys.forget()
    assert http.get("/jobs").status_code == 200


def test_beyond_loopback_keys_are_needed_for_ever(shared: Store) -> None:
    beyond = ServiceSettings(host="0.0.0.0", allowed_hosts="pentimento.example")
    with pytest.raises(RemoteRefused, match="pentimento keys add"):
        create_app(shared, beyond)
    key, token = shared.apikeys.add("shop")
    with TestClient(create_app(shared, beyond), base_url="http://pentimento.example") as http:
        assert http.get("/jobs", headers=bearer(token)).status_code == 200
        shared.apikeys.revoke(key.id)
        shared.apikeys.forget()
        assert http.get("/jobs").status_code == 401
        assert http.get("/healthz").status_code == 200


def test_a_key_may_send_its_own_rate_and_is_told_when_to_come_back(http: TestClient, shared: Store) -> None:
    _, slow = shared.apikeys.add("slow", rate=2)
    _, usual = shared.apikeys.add("usual")
    answers = [http.post("/edit", json={}, headers=bearer(slow)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    refused = answers[2]
    assert (refused.json()["code"], refused.json()["limit"]) == ("rate_limited", 2)
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert http.get("/jobs", headers=bearer(slow)).status_code == 200
    assert http.post("/edit", json={}, headers=bearer(usual)).status_code == 422


def test_typing_counts_for_itself_and_is_limited_too(http: TestClient, shared: Store) -> None:
    _, token = shared.apikeys.add("slow", rate=1)
    pair = {"source": "a cat", "target": "a dog"}
    typed = [http.post("/prompts/compare", json=pair, headers=bearer(token)) for _ in range(6)]
    assert [answer.status_code for answer in typed] == [200] * 5 + [429]
    assert (typed[5].json()["code"], typed[5].json()["limit"]) == ("rate_limited", 5)
    assert http.post("/edit", json={}, headers=bearer(token)).status_code == 422


_PASS = """
for _, key in ipairs(redis.call('KEYS', '*rate*')) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1])
end
"""


def test_the_time_to_come_back_is_when_the_first_request_is_a_minute_old(
    http: TestClient, shared: Store
) -> None:
    _, token = shared.apikeys.add("slow", rate=1)
    assert http.post("/edit", json={}, headers=bearer(token)).status_code == 422
    early = http.post("/edit", json={}, headers=bearer(token))
    assert early.status_code == 429
    shared.redis.eval(_PASS, 0, 1000 * int(early.headers["retry-after"]))
    assert http.post("/edit", json={}, headers=bearer(token)).status_code == 422


@pytest.mark.parametrize("ahead_s", [-3600, 3600])
def test_the_clock_of_a_process_gives_nobody_more_requests(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    _, token = shared.apikeys.add("slow", rate=1)
    assert http.post("/edit", json={}, headers=bearer(token)).status_code == 422
    real = time.time
    monkeypatch.setattr("limits.storage.redis.time.time", lambda: real() + ahead_s)
    assert http.post("/edit", json={}, headers=bearer(token)).status_code == 429


def test_without_keys_all_share_the_rate_of_the_settings(shared: Store, png: bytes) -> None:
    settings = ServiceSettings(rate_limit=1)
    with TestClient(create_app(shared, settings), base_url="http://127.0.0.1") as http:
        invert(http, png)
        assert http.post("/edit", json={}).status_code == 429
