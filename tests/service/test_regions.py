"""Edits of a part of an image."""

import json
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api_schemas import Knowledge
from store import Store, inversion_info, keys
from tests.pictures.files import encoded
from tests.service.conftest import begin, edit, edited, invert, png_of, ready, serve

REGION = [100, 40, 64, 48]


@pytest.fixture
def image(http: TestClient, shared: Store) -> str:
    return ready(http, shared, png_of((200, 120)))


@pytest.mark.parametrize(
    ("region", "code", "says"),
    [
        ([150, 0, 64, 64], "invalid_parameter", "the image is 200x120"),
        ([0, 100, 64, 64], "invalid_parameter", "y + height up to 120"),
        ([-1, 0, 64, 64], "validation_error", "begins within the image"),
        ([0, 0, 64, 8], "validation_error", "at least 16 pixels"),
        ([0, 0, 120, 50], "validation_error", "at most 2 times the other"),
        ([0, 0, 64], "validation_error", "four whole numbers"),
        ([0, 0, 64, 64, 1], "validation_error", "four whole numbers"),
        ([0, 0, 64.0, 64], "validation_error", "four whole numbers"),
        ([0, 0, True, 64], "validation_error", "four whole numbers"),
        ([0, 0, "64", 64], "validation_error", "four whole numbers"),
        ({"x": 0}, "validation_error", "four whole numbers"),
        ("Auto", "validation_error", "or 'auto'"),
    ],
)
def test_a_bad_region_is_refused_in_one_sentence(
    http: TestClient, shared: Store, image: str, region: Any, code: str, says: str
) -> None:
    form = {"source_prompt": "a cat on grass", "prompt": "a dog on grass", "region": json.dumps(region)}
    for answer in (
        edit(http, image, region=region),
        http.post("/edit", files={"image": png_of((200, 120))}, data=form),
    ):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, code)
        assert says in problem["detail"]
        assert problem["detail"].startswith("region: ")
        assert len(problem.get("errors") or [1]) == 1
    assert shared.stats().queued == 0


def test_an_edit_names_the_inversion_of_its_region(http: TestClient, shared: Store, image: str) -> None:
    answer = edit(http, image, region=REGION).json()
    assert answer["inversion"]["region"] == REGION
    assert http.get(answer["links"]["self"]).json()["request"]["region"] == REGION
    other = edit(http, image, region=[100, 40, 64, 49]).json()
    whole = edit(http, image).json()
    assert len({each["inversion"]["id"] for each in (answer, other, whole)}) == 3
    all_of_it = edit(http, image, region=[0, 0, 200, 120]).json()
    assert all_of_it["inversion"] == whole["inversion"]
    assert whole["inversion"]["region"] is None
    assert begin(shared, answer["job_id"]).inversion.region == tuple(REGION)


def test_an_inversion_of_a_region_waits_for_edits_that_name_it(http: TestClient, shared: Store) -> None:
    png = png_of((200, 120))
    accepted = invert(http, png, region=json.dumps(REGION))
    assert accepted.inversion is not None
    assert accepted.inversion.region == tuple(REGION)
    named = edit(http, accepted.image_id, region=REGION).json()["inversion"]
    assert named == accepted.inversion.model_dump(mode="json")
    assert edit(http, accepted.image_id).json()["inversion"]["region"] is None
    beyond = http.post(
        "/invert", files={"image": png}, data={"prompt": "a cat", "region": "[190, 0, 20, 20]"}
    )
    assert (beyond.status_code, beyond.json()["parameter"]) == (422, "region")
    assert invert(http, png).inversion != accepted.inversion


def test_a_picture_comes_with_its_region(http: TestClient, shared: Store) -> None:
    form = {"source_prompt": "a cat on grass", "prompt": "a dog on grass", "region": json.dumps(REGION)}

    def send() -> Any:
        return http.post("/edit", files={"image": png_of((200, 120))}, data=form).json()

    first = send()
    image = http.get(first["links"]["image"]).json()
    assert [each["region"] for each in image["inversions"]] == [REGION]
    assert first["inversion"]["id"] == image["inversions"][0]["id"]
    form["region"] = "auto"
    auto = send()
    assert http.get(auto["links"]["self"]).json()["request"]["region"] == "auto"
    assert auto["inversion"]["region"] is None


def test_auto_needs_something_to_find(http: TestClient, shared: Store, image: str) -> None:
    serve(shared, knows=Knowledge())
    nothing = edit(http, image, prompt="a cat on grass", region="auto", method="plain").json()
    assert (nothing["code"], nothing["parameter"], nothing["value"]) == (
        "invalid_parameter",
        "region",
        "auto",
    )
    assert "none do" in nothing["detail"]
    by_word = edit(
        http, image, prompt="a cat on grass", region="auto", method="plain", params={"blend_words": ["cat"]}
    )
    assert by_word.status_code == 202
    weighed = edit(http, image, prompt="a cat on grass", region="auto", params={"reweight": {"cat": 2}})
    assert weighed.status_code == 202


def test_the_image_of_a_result_is_inverted_whole(http: TestClient, shared: Store, image: str) -> None:
    job = edit(http, image, region=REGION).json()
    claim = begin(shared, job["job_id"])
    png = png_of((200, 120))
    key = keys.result(image, png)
    shared.blobs.put(key, png)
    result = edited(image)
    made = result.images[0].model_copy(update={"url": keys.url(key)})
    inversion = inversion_info(claim.record_id, claim.inversion)
    shared.jobs.succeed(claim, result.model_copy(update={"images": [made], "inversion": inversion}))
    answer = http.post("/images", json={"from_result": {"job_id": job["job_id"]}}).json()
    assert answer["inversion"]["region"] is None


def test_a_mask_is_where_the_region_is(http: TestClient, shared: Store, image: str) -> None:
    mask = Image.new("L", (200, 120))
    mask.paste(255, (10, 10, 50, 50))
    form = {"image_id": image, "prompt": "a dog on grass", "region": json.dumps(REGION)}

    def send() -> Any:
        return http.post("/edit", files={"mask": encoded(mask)}, data=form).json()

    beside = send()
    assert (beside["code"], str(REGION) in beside["detail"]) == ("empty_mask", True)
    form["region"] = "[0, 0, 64, 64]"
    assert send()["status"] == "queued"
    form |= {"region": "auto", "prompt": "a cat on grass", "method": "plain"}  # no word says where
    assert send()["status"] == "queued"
