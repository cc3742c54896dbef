"""The conditions on which a job is asked for."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import store
from service.app import create_app
from service.settings import ServiceSettings
from store import Store, StoreSettings
from tests.service.conftest import edit, invert, served_before


def cancel_after(http: TestClient, png: bytes, value: str) -> Any:
    return http.post(
        "/invert", files={"image": png}, data={"prompt": "a cat"}, headers={"Cancel-After": value}
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("24h", 86400), (" 1h1m1s ", 3661), ("5", 5)],
)
def test_a_job_says_when_it_will_be_given_up(http: TestClient, png: bytes, value: str, seconds: int) -> None:
    job = http.get(cancel_after(http, png, value).headers["location"]).json()
    times = [datetime.fromisoformat(job[name]) for name in ("created_at", "deadline_at")]
    assert times[1] - times[0] == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", "4", "24h1s", "25h", "soon", "5 m", "m", "1m1h", "-5", "1.5h", "9" * 9]
)
def test_other_times_are_refused(http: TestClient, shared: Store, png: bytes, value: str) -> None:
    answer = cancel_after(http, png, value)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["errors"][0]["loc"] == ["header", "Cancel-After"]
    assert shared.stats().queued == 0


def test_without_the_header_a_job_has_no_deadline(http: TestClient, png: bytes) -> None:
    assert http.get(invert(http, png).links.self).json()["deadline_at"] is None


def test_a_full_queue_says_when_to_come_back(settings: StoreSettings, png: bytes) -> None:
    small = store.open(settings.model_copy(update={"max_queued": 2}))
    served_before(small)
    with TestClient(create_app(small, ServiceSettings()), base_url="http://127.0.0.1") as http:
        accepted = invert(http, png)
        assert edit(http, accepted.image_id).status_code == 202
        answer = edit(http, accepted.image_id)
        assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
        assert 1 <= int(answer.headers["retry-after"]) <= 3600
        http.post(accepted.links.cancel)
        assert edit(http, invert(http, png).image_id).status_code == 202


def test_a_picture_that_finds_the_queue_full_is_not_kept_and_one_that_was_there_is(
    settings: StoreSettings, png: bytes, tmp_path: Path
) -> None:
    small = store.open(settings.model_copy(update={"max_queued": 1}))
    with TestClient(create_app(small, ServiceSettings()), base_url="http://127.0.0.1") as http:
        accepted = invert(http, png)
        there = sorted(tmp_path.rglob("*.png"))
        refused = http.post("/invert", files={"image": png}, data={"prompt": "another"})
        assert refused.json()["code"] == "queue_full"
        assert sorted(tmp_path.rglob("*.png")) == there
        http.post(accepted.links.cancel)
        assert invert(http, png, prompt="a dog").status == "queued"
        again = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass"})
        assert again.json()["code"] == "queue_full"
        assert there[0].exists()
