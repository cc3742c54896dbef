"""Pictures painted from a prompt, over HTTP."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import EditedImage, Metrics
from store import Store, keys
from tests.results import inverted
from tests.service.conftest import begin, edit, edited, never_served, png_of, serve


def generate(http: TestClient, **body: Any) -> Any:
    return http.post("/generate", json={"prompt": "a cat on grass", **body})


def painted(http: TestClient, shared: Store) -> str:
    serve(shared)
    accepted = generate(http, seed=3, steps=20).json()
    shared.blobs.put(keys.source(accepted["image_id"]), png_of((64, 64)))
    shared.jobs.succeed(begin(shared, accepted["job_id"]), inverted(accepted["image_id"]))
    return str(accepted["image_id"])


def test_what_the_model_decides_is_filled_in(http: TestClient, shared: Store) -> None:
    serve(shared)
    answer = generate(http)
    assert answer.status_code == 202, answer.text
    job = http.get(answer.headers["location"]).json()
    assert (job["kind"], job["request"]["width"], job["request"]["guidance_scale"]) == ("generate", 64, 3)
    same = generate(http, **{name: job["request"][name] for name in ("width", "height", "guidance_scale")})
    assert same.json()["job_id"] == job["id"]
    assert generate(http, **job["request"]).json()["job_id"] == job["id"]
    others = [generate(http, **other).json() for other in ({"seed": 1}, {"width": 96}, {"prompt": "a dog"})]
    assert len({answer["image_id"] for answer in others} | {job["image_id"]}) == 4


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"prompt": ""}, "validation_error"),
        ({"width": 63}, "invalid_parameter"),
        ({"width": 136}, "invalid_parameter"),
        ({"width": 24}, "invalid_parameter"),
        ({"width": 256, "height": 128}, "invalid_parameter"),
        ({"height": 0}, "validation_error"),
        ({"width": 4096}, "validation_error"),
        ({"seed": -1}, "validation_error"),
        ({"steps": 0}, "validation_error"),
        ({"prompt": "a " * 40}, "prompt_too_long"),
        ({"negative_prompt": "a " * 40}, "prompt_too_long"),
        ({"model": "other"}, "unknown_model"),
        ({"image": "x"}, "validation_error"),
    ],
)
def test_a_bad_request_is_refused_at_once(
    http: TestClient, shared: Store, body: dict[str, Any], code: str
) -> None:
    serve(shared)
    answer = generate(http, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert http.get("/jobs").json()["jobs"] == []


def test_without_a_worker_the_request_must_say_what_the_model_would(http: TestClient, shared: Store) -> None:
    never_served(shared)
    answer = generate(http)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["code"] == "model_loading"
    assert "width, height, guidance_scale" in answer.json()["detail"]
    assert generate(http, width=64, height=64, guidance_scale=3).status_code == 202


def test_how_it_was_painted_is_not_to_be_had_otherwise(http: TestClient, shared: Store, png: bytes) -> None:
    image = painted(http, shared)
    assert edit(http, image).json()["inversion"]["method"] == "painted"
    assert edit(http, image, preset="published").json()["inversion"]["steps"] == 20
    again = edit(http, image).json()["inversion"]
    named = {name: again[name] for name in ("method", "steps", "prompt", "params")}
    assert edit(http, image, inversion=named).status_code == 202
    assert edit(http, image, inversion={"method": "ddim", "steps": 9}).status_code == 202
    for other in ({"steps": 9}, {"prompt": "a dog"}, {"params": {"seed": 4}}):
        assert edit(http, image, inversion=other).json()["parameter"] == "inversion"
    sent = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "method": "painted"})
    assert (sent.status_code, sent.json()["parameter"]) == (422, "method")
    assert "painted" not in [method["name"] for method in http.get("/methods").json()]


def test_an_edit_of_it_becomes_an_image_that_is_inverted(http: TestClient, shared: Store) -> None:
    image = painted(http, shared)
    png = png_of((64, 64))
    key = keys.result(image, png)
    shared.blobs.put(key, png)
    job = edit(http, image).json()["job_id"]
    made = EditedImage(prompt="a dog on grass", url=keys.url(key), metrics=Metrics(psnr=9, ssim=0))
    shared.jobs.succeed(begin(shared, job), edited(image).model_copy(update={"images": [made]}))
    answer = http.post("/images", json={"from_result": {"job_id": job}})
    assert answer.json()["inversion"]["method"] == "aligned"
