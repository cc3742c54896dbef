"""What becomes of an image that is sent."""

import pytest
from starlette.testclient import TestClient

from service import uploads
from store import Store, keys
from tests.service.conftest import begin, edit, invert, inverted, serve


def test_invert_queues_a_job_and_keeps_the_picture(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = invert(http, png)
    assert accepted.status == "queued"
    assert shared.stats().queued == 1
    assert shared.blobs.get(keys.source(accepted.image_id)) == uploads.read(png).png
    image = http.get(accepted.links.image).json()
    assert (image["status"], image["width"], image["height"]) == ("pending", 40, 32)


def test_the_same_request_is_inverted_once(http: TestClient, shared: Store, png: bytes) -> None:
    first, second = invert(http, png), invert(http, png)
    assert first == second
    assert shared.stats().queued == 1
    claim = begin(shared, first.job_id)
    for key in (keys.working(*claim.record), keys.reconstruction(*claim.record)):
        shared.blobs.put(key, png)
    shared.jobs.succeed(claim, inverted(*claim.record))
    third = invert(http, png)
    assert (third.status, third.image_id) == ("succeeded", first.image_id)
    assert http.get(third.links.self).json()["result"]["cached"] is True


@pytest.mark.parametrize(
    "fields", [{"prompt": "a dog"}, {"steps": "20"}, {"method": "ddim"}], ids=["prompt", "steps", "method"]
)
def test_other_options_make_another_inversion_of_the_same_image(
    http: TestClient, shared: Store, png: bytes, fields: dict[str, str]
) -> None:
    first, second = invert(http, png), invert(http, png, **fields)
    assert first.image_id == second.image_id
    assert first.job_id != second.job_id
    image = http.get(second.links.image).json()
    assert http.get("/images").json()["images"] == [image]
    before, after = image["inversions"]
    assert ((before["own"], before["job_id"]), (after["own"], after["job_id"])) == (
        (False, first.job_id),
        (True, second.job_id),
    )
    assert {name: str(image[name]) for name in fields} == fields
    assert {name: str(after[name]) for name in fields} == fields
    invert(http, png)
    assert [each["own"] for each in http.get(second.links.image).json()["inversions"]] == [True, False]


def test_a_picture_that_is_refused_leaves_nothing_behind(http: TestClient, shared: Store) -> None:
    answers = [
        http.post("/invert", files={"image": b"%PDF-1.7"}, data={"prompt": "x"}),
        http.post("/invert", files={"image": b""}, data={"prompt": "x"}),
        http.post("/invert", json={"image": "aGVsbG8=", "prompt": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [415, 422, 415]
    assert shared.stats().queued == 0
    assert shared.images.page("default", limit=1) == ([], None)


def test_a_full_disk_is_told_apart(
    http: TestClient, shared: Store, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import StorageFull

    def put(_: object, key: str, data: bytes) -> None:
        raise StorageFull(key)

    monkeypatch.setattr(type(shared.blobs), "put", put)
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat"})
    assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage")
    assert shared.stats().queued == 0


def test_a_model_nobody_serves_is_refused(http: TestClient, png: bytes) -> None:
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "model": "sd99"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")
    assert "miniature" in answer.json()["detail"]


def test_the_only_model_served_is_the_default(http: TestClient, shared: Store, png: bytes) -> None:
    serve(shared, name="tiny")
    assert http.get(invert(http, png).links.image).json()["model"] == "tiny"


def test_prompts_too_long_for_the_model_are_refused(http: TestClient, shared: Store, png: bytes) -> None:
    serve(shared, token_limit=8)
    long = "a very small cat on green grass"
    answer = http.post("/invert", files={"image": png}, data={"prompt": long})
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_too_long")
    told = answer.json()
    assert (told["parameter"], told["tokens"], told["limit"]) == ("prompt", 9, 8)
    answer = edit(http, invert(http, png).image_id, long)
    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_too_long")
