"""What Prometheus is told."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api_schemas import ErrorCode, Problem
from store import Store
from tests.service.conftest import begin, edit, invert, ready, serve
from tests.service.test_auth import bearer

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(http: TestClient, token: str | None = None) -> Samples:
    answer = http.get("/metrics", headers=bearer(token) if token else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"pentimento_{name}", tuple(sorted(labels.items()))]


def test_the_queue_is_told_as_it_is(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png)
    edit(http, image)
    failing = begin(shared, edit(http, image, "a fox on grass").json()["job_id"])
    shared.jobs.fail(failing, Problem.of(ErrorCode.OUT_OF_MEMORY, "too large"))
    running = begin(shared, edit(http, image, "a cow on grass").json()["job_id"])
    shared.redis.lrem("rq:queue:pentimento", 0, running.job_id)
    pending = invert(http, png, prompt="a dog")
    edit(http, pending.image_id, "a cat")
    serve(shared)
    shared.presence.publish_keeper("keeper", 30)
    found = scrape(http)
    assert [value(found, "queue_jobs", state=state) for state in ("queued", "held", "processing")] == [
        2,
        1,
        1,
    ]
    assert 0 <= value(found, "queue_oldest_wait_seconds") < 60
    assert value(found, "jobs_ended_total", kind="invert", status="succeeded", code="") == 1
    assert value(found, "jobs_ended_total", kind="edit", status="failed", code="out_of_memory") == 1
    assert value(found, "workers", model="miniature") == 1
    assert (value(found, "keepers"), value(found, "queue_up")) == (1, 1)
    assert value(found, "job_recent_seconds", kind="invert") >= 0


def test_requests_are_counted_by_the_template_of_their_route(http: TestClient, png: bytes) -> None:
    accepted = invert(http, png)
    for path in (f"/jobs/{accepted.job_id}", "/jobs/job_" + "z" * 26, "/jobs/odd", "/no/such", "/no/other"):
        http.get(path)
    http.head(f"/jobs/{accepted.job_id}")
    http.request("BREW", "/jobs")
    http.get("/studio/icon.svg")
    http.get("/studio/no/such/file")
    found = scrape(http)

    def count(method: str, route: str, status: str) -> float:
        return value(found, "http_request_seconds_count", method=method, route=route, status=status)

    assert count("POST", "/invert", "202") == 1
    assert [count("GET", "/jobs/{job_id}", status) for status in ("200", "404", "422")] == [1, 1, 1]
    assert count("GET", "none", "404") == 2
    assert count("GET", "/studio", "200") == count("GET", "/studio", "404") == 1
    assert count("HEAD", "/jobs/{job_id}", "200") == 1
    assert not any(accepted.job_id in str(labels) or "BREW" in str(labels) for _, labels in found)


def test_without_the_queue_the_process_still_tells_of_itself(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError

    def away(_: Store) -> None:
        raise ConnectionError

    http.get("/healthz")
    monkeypatch.setattr(Store, "stats", away)
    found = scrape(http)
    assert value(found, "queue_up") == 0
    assert value(found, "http_request_seconds_count", method="GET", route="/healthz", status="200") == 1


def test_metrics_are_not_for_every_tenant(http: TestClient, shared: Store) -> None:
    _, ours = shared.apikeys.add("operator")
    _, theirs = shared.apikeys.add("shop", tenant="shop")
    assert http.get("/metrics").status_code == 401
    assert http.get("/metrics", headers=bearer(theirs)).status_code == 404
    assert value(scrape(http, ours), "queue_up") == 1
