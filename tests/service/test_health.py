"""Whether the service is ready, and if not, which part of it is not and why."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

import store
from service.app import create_app
from service.settings import ServiceSettings
from store import Store, StoreSettings
from tests.service.conftest import serve
from tests.service.live import serving


def missing(http: TestClient) -> dict[str, str]:
    """The parts that are not ready, and the reasons."""
    answer = http.get("/readyz")
    if answer.status_code == 200:
        return {}
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "queue_unavailable")
    found = {part["loc"][0]: part["msg"] for part in problem["errors"]}
    assert all(f"{part}: {reason}" in problem["detail"] for part, reason in found.items())
    return found


def test_ready_once_a_worker_serves(http: TestClient, shared: Store) -> None:
    assert set(missing(http)) == {"worker"}
    serve(shared)
    assert missing(http) == {}
    shared.presence.retire("worker")
    assert "no worker serves" in missing(http)["worker"]


def test_webhooks_need_a_keeper(shared: Store) -> None:
    serve(shared)
    app = create_app(shared, ServiceSettings(webhooks=True))
    with TestClient(app, base_url="http://127.0.0.1") as http:
        assert "no keeper runs" in missing(http)["keeper"]
        shared.presence.publish_keeper("keeper", 30)
        assert missing(http) == {}


def test_not_ready_without_redis_and_without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["service.routes.health"], "_PATIENCE_S", 30.0)
    (tmp_path / "file").write_text("in the way")
    away = StoreSettings(redis_url=f"unix://{tmp_path}/none.sock", store=str(tmp_path / "file" / "store"))
    app = create_app(store.open(away), ServiceSettings())
    with TestClient(app, base_url="http://127.0.0.1") as http:
        assert missing(http) == {
            "redis": "cannot be reached (ConnectionError)",
            "store": "cannot be written (Not a directory)",
        }


def test_not_ready_while_files_cannot_be_written(bucket: str, shared: Store, png: bytes) -> None:
    gone = StoreSettings(redis_url=shared.settings.redis_url, store="s3://no-such-bucket/here")
    app = create_app(store.open(gone), ServiceSettings())
    with TestClient(app, base_url="http://127.0.0.1") as http:
        assert missing(http)["store"] == "cannot be written (NoSuchBucket)"
        answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_part_that_hangs_is_waited_for_no_longer_than_some_seconds(
    http: TestClient, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(shared)
    monkeypatch.setattr(sys.modules["service.routes.health"], "_PATIENCE_S", 0.2)
    answered = threading.Event()
    monkeypatch.setattr(type(shared.blobs), "check", lambda _: answered.wait(60) and None)
    assert missing(http) == {"store": "did not answer within 0.2 s"}
    assert not answered.is_set()
    answered.set()


def test_not_ready_from_the_moment_that_the_process_is_to_stop(http: TestClient, shared: Store) -> None:
    serve(shared)
    http.app.state.draining.set()  # type: ignore[attr-defined]
    assert missing(http) == {"api": "is stopping"}


def test_a_store_that_hangs_is_told_to_every_request_and_keeps_no_page_away(
    settings: StoreSettings,
) -> None:
    shared = store.open(settings, hang_s=2.0)
    server = int(shared.redis.info("server")["process_id"])

    def ask() -> int:
        return httpx2.get(f"{live.url}/jobs", timeout=60).status_code

    with serving(shared) as live, ThreadPoolExecutor(60) as threads:
        assert ask() == 200
        os.kill(server, signal.SIGSTOP)
        try:
            hanging = [threads.submit(ask) for _ in range(60)]
            for path in ("/", "/studio/index.html", "/healthz", "/openapi.json"):
                assert httpx2.get(f"{live.url}{path}", timeout=60).status_code == 200
            assert {each.result() for each in hanging} == {503}
            assert "redis: does not answer" in httpx2.get(f"{live.url}/readyz", timeout=60).json()["detail"]
            assert ask() == 503
        finally:
            os.kill(server, signal.SIGCONT)
        deadline = time.monotonic() + 60
        while ask() != 200:
            assert time.monotonic() < deadline
