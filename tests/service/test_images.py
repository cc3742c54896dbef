"""Image records, and what deleting one removes."""

import pytest
from starlette.testclient import TestClient

from store import Store, keys


@pytest.fixture
def image_id(http: TestClient, png: bytes) -> str:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass"})
    return str(answer.json()["image_id"])


def test_deleting_removes_every_trace(http: TestClient, shared: Store, image_id: str) -> None:
    key = keys.result(image_id, b"edited")
    shared.blobs.put(key, b"edited")
    job = http.get(f"/images/{image_id}").json()["job_id"]
    answer = http.delete(f"/images/{image_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert http.get(f"/images/{image_id}").status_code == 404
    assert http.get(f"/images/{image_id}/source.png").status_code == 404
    assert not shared.blobs.exists(key)
    assert http.get(f"/jobs/{job}").json()["status"] == "canceled"
    assert http.delete(f"/images/{image_id}").status_code == 404


def test_a_deleted_image_can_be_sent_again(http: TestClient, image_id: str, png: bytes) -> None:
    http.delete(f"/images/{image_id}")
    again = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass"})
    assert (again.json()["image_id"], again.json()["status"]) == (image_id, "queued")
    assert http.get(f"/images/{image_id}/source.png").status_code == 200
