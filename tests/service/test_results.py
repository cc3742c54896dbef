"""Results that become images of their own."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import EditedImage, Metrics
from store import Claim, Store, keys
from tests.service.conftest import begin, edit, edited, png_of, ready

FULL, MODEL = png_of((120, 90)), png_of((64, 48))


@pytest.fixture
def image(http: TestClient, shared: Store, png: bytes) -> str:
    return ready(http, shared, png, steps="7", method="ddim")


@pytest.fixture
def job(http: TestClient, shared: Store, image: str) -> str:
    """An edit that has made a picture of either size."""
    return finished(http, shared, image, stored(shared, image, FULL), stored(shared, image, MODEL))


def stored(shared: Store, image: str, png: bytes) -> str:
    key = keys.result(image, png)
    shared.blobs.put(key, png)
    return keys.url(key)


def finished(http: TestClient, shared: Store, image: str, full: str | None, model: str) -> str:
    accepted = edit(http, image).json()["job_id"]
    claim: Claim = begin(shared, accepted)
    made = EditedImage(
        prompt="a dog on grass",
        url=full or model,
        full_url=full,
        model_url=model,
        metrics=Metrics(psnr=9, ssim=0),
    )
    shared.jobs.succeed(claim, edited(image).model_copy(update={"images": [made]}))
    return str(accepted)


def take(http: TestClient, **body: Any) -> Any:
    return http.post("/images", json=body)


def test_a_result_is_an_image_at_its_full_size(http: TestClient, image: str, job: str) -> None:
    answer = take(http, from_result={"job_id": job})
    assert answer.status_code == 202
    new = http.get(f"/images/{answer.json()['image_id']}").json()
    assert (new["width"], new["height"], new["prompt"]) == (120, 90, "a dog on grass")
    assert (new["method"], new["steps"]) == ("ddim", 7)
    assert new["id"] != image
    assert http.get(f"/images/{new['id']}/source.png").content == FULL


def test_a_result_without_a_full_size_is_taken_as_it_is(http: TestClient, shared: Store, image: str) -> None:
    job = finished(http, shared, image, None, stored(shared, image, MODEL))
    new = take(http, from_result={"job_id": job, "index": 0}, prompt="a puppy").json()["image_id"]
    assert http.get(f"/images/{new}").json()["prompt"] == "a puppy"
    assert http.get(f"/images/{new}/source.png").content == MODEL


@pytest.mark.parametrize("suffix", ["png", "webp?quality=80"])
def test_a_path_names_a_picture_too(http: TestClient, shared: Store, image: str, suffix: str) -> None:
    path = stored(shared, image, MODEL).removesuffix("png") + suffix
    new = take(http, from_result=path, prompt="a dog").json()["image_id"]
    assert http.get(f"/images/{new}/source.png").content == MODEL
    refused = take(http, from_result=path)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert refused.json()["detail"].startswith("prompt: say what")


def test_what_is_no_result_is_refused_by_saying_why(
    http: TestClient, shared: Store, image: str, job: str
) -> None:
    waiting = edit(http, image, "a tiger on grass").json()["job_id"]
    gone = f"/images/{image}/results/{'0' * 64}.png"
    cases = [
        ({"from_result": {"job_id": waiting}}, 409, "queued"),
        ({"from_result": {"job_id": job, "index": 3}}, 422, "1 pictures"),
        ({"from_result": {"job_id": "job_" + "0" * 26}}, 404, "no job"),
        ({"from_result": gone, "prompt": "a dog"}, 404, "no picture"),
        ({"from_result": "https://example.com/x.png", "prompt": "a dog"}, 422, "from_result"),
        ({}, 422, "from_result"),
    ]
    for body, status, words in cases:
        answer = take(http, **body)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.json()


def test_a_request_that_is_sent_again_makes_no_second_job(http: TestClient, job: str) -> None:
    said = {"json": {"from_result": {"job_id": job}}, "headers": {"Idempotency-Key": "once"}}
    first, again = http.post("/images", **said), http.post("/images", **said)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_damaged_result_becomes_no_image(http: TestClient, shared: Store, image: str, job: str) -> None:
    shared.blobs.put(keys.result(image, FULL), MODEL)
    answer = take(http, from_result={"job_id": job})
    assert (answer.status_code, answer.json()["code"]) == (410, "damaged")


def test_an_edit_names_a_result_by_its_path(http: TestClient, shared: Store, image: str, job: str) -> None:
    path = http.get(f"/jobs/{job}").json()["result"]["images"][0]["url"]
    answer = edit(http, path, "a fox on grass", seed=5)
    assert answer.status_code == 202, answer.text
    new = http.get(answer.json()["links"]["image"]).json()
    assert (new["width"], new["height"], new["prompt"]) == (120, 90, "a dog on grass")
    assert (new["method"], new["steps"]) == ("ddim", 7)
    assert http.get(f"/images/{new['id']}/source.png").content == FULL
    asked = http.get(answer.headers["location"]).json()["request"]
    assert (asked["image_id"], asked["seed"]) == (new["id"], 5)
    again = edit(http, path, "a fox on grass", inversion={"prompt": "a puppy", "steps": 9}).json()
    assert again["image_id"] == new["id"]
    assert (again["inversion"]["prompt"], again["inversion"]["steps"]) == ("a puppy", 9)


def test_a_path_whose_edit_is_forgotten_needs_words(http: TestClient, shared: Store, image: str) -> None:
    path = stored(shared, image, MODEL)
    refused = edit(http, path, "a fox on grass")
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert refused.json()["detail"].startswith("inversion.prompt: ")
    told = edit(http, path, "a fox on grass", inversion={"prompt": "a dog on grass"})
    assert told.status_code == 202
    gone = edit(http, f"/images/{image}/results/{'0' * 64}.png", inversion={"prompt": "a dog"})
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    elsewhere = edit(http, path.replace(image, "img_" + "a" * 26), inversion={"prompt": "a dog"})
    assert elsewhere.status_code == 404
    for wrong in ("/images/x.png", "https://example.com/dog.png", "img_1"):
        problem = edit(http, wrong).json()
        assert (problem["code"], len(problem["errors"])) == ("validation_error", 1)
