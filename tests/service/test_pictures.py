"""Pictures: who gets which format, and what is not sent twice."""

import hashlib
import io
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from starlette.testclient import TestClient

from service import formats
from service.encoder import encode
from store import Store, keys
from tests.results import inverted
from tests.service.conftest import begin, invert
from tests.service.live import serving


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


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_picture_the_client_has_is_not_sent_again(http: TestClient, image_id: str, form: str) -> None:
    etag = http.get(f"/images/{image_id}/source.png").headers["etag"]
    again = http.get(f"/images/{image_id}/source.png", headers={"if-none-match": form.format(etag)})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    other = http.get(f"/images/{image_id}/source.png", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["working", "reconstruction"])
def test_pictures_of_the_inversion_are_there_once_it_made_them(
    http: TestClient, shared: Store, image_id: str, name: str, png: bytes, large: bytes
) -> None:
    key = f"images/{image_id}/records/{own(shared, image_id)}/{name}.png"
    for path in (f"/images/{image_id}/{name}.png", f"/{key}"):
        shared.blobs.delete_prefix(key)
        assert http.get(path).json()["code"] == "not_found"
        shared.blobs.put(key, png)
        answer = http.get(path)
        assert answer.content == png
        assert "immutable" not in answer.headers["cache-control"]
        shared.blobs.put(key, large)
        again = http.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (200, large)


def own(shared: Store, image_id: str) -> str:
    image = shared.images.get(image_id)
    assert image is not None
    return image.inversions[0].id


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
    key = keys.record_file(image_id, own(shared, image_id), "record.safetensors")
    shared.blobs.put(key, b"latents")
    assert http.get(keys.url(key)).status_code == 422


@pytest.mark.parametrize(
    ("suffix", "media_type", "form"),
    [(".png", "image/png", "PNG"), (".jpg", "image/jpeg", "JPEG"), (".webp", "image/webp", "WEBP")],
)
def test_the_suffix_names_the_format(
    http: TestClient, image_id: str, suffix: str, media_type: str, form: str
) -> None:
    answer = http.get(f"/images/{image_id}/source{suffix}", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == media_type
    assert "vary" not in answer.headers
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == (form, (40, 32))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("text/html", "image/png"),
        ("application/octet-stream", "application/octet-stream"),
        ("image/jpeg, image/webp", "image/jpeg"),
        ("image/avif,image/webp,*/*;q=0.8", "image/webp"),
        ("image/webp;q=0.5, image/jpeg;q=0.9", "image/jpeg"),
        ("image/png;q=0, image/*;q=0.1", "image/jpeg"),
        ("IMAGE/WEBP; q=1.0", "image/webp"),
        ("image/webp;q=nonsense", "image/png"),
        (", ;;q=,/", "image/png"),
    ],
)
def test_without_a_suffix_the_client_chooses(
    http: TestClient, shared: Store, image_id: str, png: bytes, accept: str, media_type: str
) -> None:
    key = keys.result(image_id, png)
    shared.blobs.put(key, png)
    path = keys.url(key).removesuffix(".png")
    answer = http.get(path, headers={"accept": accept})
    assert (answer.headers["content-type"], answer.headers["vary"]) == (media_type, "Accept")
    again = http.get(path, headers={"accept": accept, "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.headers["vary"]) == (304, "Accept")


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_quality_is_a_trade_of_bytes_and_loses_nothing_of_a_png(
    http: TestClient, image_id: str, suffix: str
) -> None:
    path = f"/images/{image_id}/source"
    sizes = [len(http.get(f"{path}.{suffix}?quality={quality}").content) for quality in (10, 90, 100)]
    assert sizes == sorted(set(sizes))
    assert len(http.get(f"{path}.{suffix}").content) == sizes[1]
    assert http.get(f"{path}.png?quality=1").content == http.get(f"{path}.png").content
    for wrong in ("0", "101", "good"):
        assert http.get(f"{path}.{suffix}?quality={wrong}").status_code == 422


def test_masks_have_no_colours_and_every_format() -> None:
    buffer = io.BytesIO()
    Image.new("1", (8, 8), 1).save(buffer, "PNG")
    for form in formats.MEDIA_TYPES:
        with Image.open(io.BytesIO(encode(buffer.getvalue(), form.value, 90, 0))) as picture:
            assert picture.convert("L").getextrema() == (255, 255)


@pytest.mark.parametrize("file", ["source.gif", "source.", "source.png.jpg", "mask", "results"])
def test_there_are_no_other_files(http: TestClient, image_id: str, file: str) -> None:
    assert http.get(f"/images/{image_id}/{file}").status_code == 422


def test_a_conversion_is_made_once(http: TestClient, image_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def count(png: bytes, form: str, quality: int, width: int) -> bytes:
        made.append(quality)
        return encode(png, form, quality, width)

    monkeypatch.setattr("service.conversions.encode", count)
    for quality in (80, 90, 80, 90):
        assert http.get(f"/images/{image_id}/source.webp", params={"quality": quality}).status_code == 200
    assert made == [80, 90]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_is_as_wide_as_asked_but_never_enlarged(
    http: TestClient, image_id: str, suffix: str
) -> None:
    for width, size in ((20, (20, 16)), (1, (1, 1)), (40, (40, 32)), (500, (40, 32)), (0, (40, 32))):
        answer = http.get(f"/images/{image_id}/source.{suffix}", params={"width": width})
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == size
    stored = http.get(f"/images/{image_id}/source.png").content
    assert http.get(f"/images/{image_id}/source.png", params={"width": 40}).content == stored


@pytest.fixture
def large() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_large_conversions_of_one_tenant_do_not_hold_up_the_uploads_of_another(
    shared: Store, large: bytes, png: bytes
) -> None:
    ours, theirs = (
        {"Authorization": f"Bearer {shared.apikeys.add(name, tenant=name)[1]}"} for name in ("ours", "theirs")
    )
    text = {"prompt": "a cat on grass"}
    with serving(shared) as live:
        sent = httpx2.post(
            f"{live.url}/invert", files={"image": large}, data=text, headers=theirs, timeout=60
        )
        address = f"{live.url}/images/{sent.json()['image_id']}/source.webp"
        converted: list[int] = []

        def convert(quality: int) -> None:
            answer = httpx2.get(address, params={"quality": quality}, headers=theirs, timeout=120)
            converted.append(answer.status_code)

        threads = [threading.Thread(target=convert, args=(100 - at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        answer = httpx2.post(f"{live.url}/invert", files={"image": png}, data=text, headers=ours, timeout=60)
        assert answer.status_code == 202
        assert len(converted) < 2
        for thread in threads:
            thread.join()
    assert converted == [200] * 4


def test_a_conversion_ends_when_its_client_has_gone(
    shared: Store, large: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, begun = tmp_path / "slow.py", tmp_path / "pid"
    slow.write_text(f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    monkeypatch.setattr("service.conversions._ENCODER", slow)
    with serving(shared) as live:
        text = {"prompt": "a cat"}
        sent = httpx2.post(f"{live.url}/invert", files={"image": large}, data=text, timeout=60)
        host, port = live.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            asked = f"GET /images/{sent.json()['image_id']}/source.webp HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client.sendall(asked.encode())
            eventually(lambda: begun.exists() and begun.read_text() != "")
        encoder = Path(f"/proc/{begun.read_text()}")
        eventually(lambda: not encoder.exists())


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("damage", [flipped, lambda data: data[:-30], lambda data: data + b"more"])
def test_a_damaged_source_is_not_served_and_mended_when_it_is_sent_again(
    http: TestClient, shared: Store, image_id: str, png: bytes, damage: Callable[[bytes], bytes]
) -> None:
    whole = shared.blobs.get(keys.source(image_id))
    shared.blobs.put(keys.source(image_id), damage(whole))
    for suffix in ("png", "webp"):
        answer = http.get(f"/images/{image_id}/source.{suffix}")
        assert (answer.status_code, answer.json()["code"]) == (410, "damaged")
    invert(http, png)
    assert http.get(f"/images/{image_id}/source.png").content == whole


def test_a_result_whose_bytes_are_not_those_of_its_name_is_not_served(
    http: TestClient, shared: Store, image_id: str, png: bytes, large: bytes
) -> None:
    key = keys.result(image_id, png)
    for instead in (flipped(png), large):
        shared.blobs.put(key, instead)
        for suffix in ("png", "webp"):
            answer = http.get(f"/{key.removesuffix('png')}{suffix}")
            assert (answer.status_code, answer.json()["code"]) == (410, "damaged")
    shared.blobs.put(key, png)
    assert http.get(f"/{key}").content == png


@pytest.mark.parametrize("lost", ["working", "reconstruction"])
@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_pictures_of_an_inversion_that_are_lost_are_made_again_when_it_is_asked_for(
    http: TestClient, shared: Store, png: bytes, lost: str, how: str
) -> None:
    claim = begin(shared, invert(http, png).job_id)
    for key in (keys.working(*claim.record), keys.reconstruction(*claim.record)):
        shared.blobs.put(key, png)
    shared.jobs.succeed(claim, inverted(*claim.record))
    assert invert(http, png).status == "succeeded"
    key = keys.record_file(*claim.record, f"{lost}.png")
    shared.blobs.delete_prefix(key) if how == "lost" else shared.blobs.put(key, flipped(png))
    assert invert(http, png).status == "queued"
