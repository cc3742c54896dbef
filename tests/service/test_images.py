import hashlib
import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from store import Store, keys


@pytest.fixture
def image_id(http: TestClient, png: bytes) -> str:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat on grass"})
    return str(answer.json()["image_id"])


def test_the_source_is_served_upright_safe_and_cacheable(http: TestClient, image_id: str, png: bytes) -> None:
    answer = http.get(f"/images/{image_id}/source.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    served = Image.open(io.BytesIO(answer.content))
    assert served.tobytes() == Image.open(io.BytesIO(png)).tobytes()


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}'])
def test_a_picture_the_client_has_is_not_sent_again(http: TestClient, image_id: str, form: str) -> None:
    etag = http.get(f"/images/{image_id}/source.png").headers["etag"]
    again = http.get(f"/images/{image_id}/source.png", headers={"if-none-match": form.format(etag)})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    other = http.get(f"/images/{image_id}/source.png", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["working", "reconstruction"])
def test_pictures_of_the_inversion_are_there_once_it_made_them(
    http: TestClient, shared: Store, image_id: str, name: str
) -> None:
    path = f"/images/{image_id}/{name}.png"
    assert http.get(path).json()["code"] == "not_found"
    shared.blobs.put(path[1:], b"picture")
    answer = http.get(path)
    assert answer.content == b"picture"
    assert "immutable" not in answer.headers["cache-control"]
    shared.blobs.put(path[1:], b"painted anew")
    again = http.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (200, b"painted anew")


def test_results_are_served_by_their_digest(http: TestClient, shared: Store, image_id: str) -> None:
    key = keys.result(image_id, b"edited")
    shared.blobs.put(key, b"edited")
    answer = http.get(keys.url(key))
    assert answer.content == b"edited"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["etag"] == f'"{hashlib.sha256(b"edited").hexdigest()}"'
    missing = http.get(f"/images/{image_id}/results/{'0' * 64}.png")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_the_record_is_never_served(http: TestClient, shared: Store, image_id: str) -> None:
    key = keys.record(image_id, "record.safetensors")
    shared.blobs.put(key, b"latents")
    assert http.get(keys.url(key)).status_code == 404


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
