"""Asking for a webhook: refused where it could only fail, or hurt."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import ServiceSettings
from store import Store
from tests.service.conftest import edit, invert, ready, served_before

URL = "https://hooks.example.com/pentimento"
Opened = Callable[[ServiceSettings], TestClient]


@pytest.fixture
def opened(shared: Store) -> Opened:
    """Opens the API with these settings."""
    return lambda settings: TestClient(create_app(shared, settings), base_url="http://127.0.0.1:8000")


def refusal(answer: Any) -> str:
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["parameter"]) == ("invalid_parameter", "webhook_url")
    detail: str = answer.json()["detail"]
    return detail


def test_webhooks_are_off_until_they_are_switched_on(http: TestClient, shared: Store, png: bytes) -> None:
    posted = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "webhook_url": URL})
    assert "PENTIMENTO_WEBHOOKS=1" in refusal(posted)
    assert shared.stats().queued == 0
    image = ready(http, shared, png)
    assert "PENTIMENTO_WEBHOOKS=1" in refusal(edit(http, image, webhook_url=URL))


def test_switched_on_they_are_kept_with_the_job(opened: Opened, shared: Store, png: bytes) -> None:
    http = opened(ServiceSettings(webhooks=True))
    served_before(shared)
    accepted = invert(http, png, webhook_url=URL)
    answer = edit(http, accepted.image_id, webhook_url=URL)
    assert answer.status_code == 202
    for job_id in (accepted.job_id, answer.json()["job_id"]):
        assert http.get(f"/jobs/{job_id}").json()["request"]["webhook_url"] == URL


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "ftp://x/", "x"]
)
def test_a_url_that_would_never_be_called_is_refused_at_once(opened: Opened, png: bytes, url: str) -> None:
    http = opened(ServiceSettings(webhooks=True))
    posted = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "webhook_url": url})
    assert refusal(posted).startswith("webhook_url: ")


def test_an_intranet_may_be_called_where_that_is_allowed(opened: Opened, png: bytes) -> None:
    http = opened(ServiceSettings(webhooks=True, webhook_allow_private=True))
    invert(http, png, webhook_url="http://10.0.0.7/hook")
