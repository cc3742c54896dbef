"""Uploads at the edge of the service; how files are read is tested with `pictures`."""

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from service import uploads
from service.app import create_app
from service.errors import ServiceError
from service.settings import ServiceSettings
from store import Store, keys
from tests.pictures.files import declared, encoded, noisy, plain


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "invalid_image"),
        (b"%PDF-1.7", 415, "unsupported_media_type"),
        (encoded(noisy())[:-3000], 422, "invalid_image"),
        (declared(30000, 30000), 413, "payload_too_large"),
        (encoded(plain()) + b"\0" * uploads.MAX_BYTES, 413, "payload_too_large"),
    ],
    ids=["empty", "pdf", "cut off", "pixels", "bytes"],
)
def test_what_is_refused_and_as_what(data: bytes, status: int, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        uploads.read(data)
    problem = caught.value.problem
    assert (problem.status, problem.code) == (status, code)
    assert problem.detail


def test_what_is_kept_is_a_fresh_png_of_the_same_pixels() -> None:
    upload = uploads.read(encoded(noisy(), "WEBP") + b"<script>alert(1)</script>")
    again = Image.open(io.BytesIO(upload.png))
    assert again.format == "PNG"
    assert again.tobytes() == upload.image.tobytes()
    assert b"script" not in upload.png
    assert not again.info


def test_a_long_picture_is_fitted_as_the_request_says(http: TestClient, shared: Store) -> None:
    long = encoded(plain(60, 20))
    refused = http.post("/invert", files={"image": long}, data={"prompt": "a cat"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_image")
    assert "fit" in refused.json()["detail"]
    for fit, size in (("crop", (40, 20)), ("pad", (60, 30)), ("stretch", (40, 20))):
        answer = http.post("/invert", files={"image": long}, data={"prompt": "a cat", "fit": fit})
        image = http.get(answer.json()["links"]["image"]).json()
        assert (image["width"], image["height"]) == size
    wrong = http.post("/invert", files={"image": long}, data={"prompt": "a cat", "fit": "bend"})
    assert wrong.json()["errors"][0]["loc"] == ["fit"]


def test_what_was_done_to_a_picture_is_told(shared: Store) -> None:
    with TestClient(create_app(shared, ServiceSettings(max_pixels=65_536)), "http://localhost") as http:
        data = encoded(plain(400, 300), "JPEG")
        answer = http.post("/invert", files={"image": data}, data={"prompt": "a cat"}).json()
    [warning] = answer["warnings"]
    assert warning["code"] == "scaled_down"
    assert "400x300" in warning["message"]
    with Image.open(io.BytesIO(shared.blobs.get(keys.source(answer["image_id"])))) as kept:
        assert 65_000 < kept.width * kept.height <= 65_536
