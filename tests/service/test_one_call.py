"""A picture and its edit in one request."""

import base64
import json
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from api_schemas import Accepted, ErrorCode, Problem
from service.app import create_app
from service.security import JSON_BYTES
from service.settings import ServiceSettings
from store import Store, keys
from tests.pictures.files import encoded, noisy, plain
from tests.results import inverted
from tests.service.conftest import begin, edited, invert
from tests.service.test_tenants import Tenant, tenant

ASKED = {"source_prompt": "a cat on grass", "prompt": "a dog on grass"}


def send(http: TestClient, png: bytes, **more: Any) -> Accepted:
    answer = http.post("/edit", files={"image": png}, data={**ASKED, **more})
    assert answer.status_code == 202, answer.text
    return Accepted.model_validate(answer.json())


def kinds(http: TestClient) -> list[str]:
    return [job["kind"] for job in http.get("/jobs").json()["jobs"]]


def finish(shared: Store, http: TestClient, accepted: Accepted) -> None:
    """Let both jobs end well, the inversion first."""
    image = shared.images.get(accepted.image_id)
    assert image is not None
    job = shared.jobs.get(image.job_id)
    if job is not None and not job.status.terminal:
        claim = begin(shared, image.job_id)
        shared.jobs.succeed(claim, inverted(*claim.record))
    claim = begin(shared, accepted.job_id)
    made = edited(accepted.image_id).model_copy(update={"inversion": accepted.inversion})
    shared.jobs.succeed(claim, made)


def test_a_picture_is_inverted_and_edited(http: TestClient, shared: Store, png: bytes) -> None:
    accepted = send(http, png)
    job = http.get(accepted.links.self).json()
    assert (job["kind"], job["status"]) == ("edit", "queued")
    assert job["request"]["image_id"] == accepted.image_id
    assert kinds(http) == ["edit", "invert"]
    image = http.get(accepted.links.image).json()
    assert (image["prompt"], image["status"]) == ("a cat on grass", "pending")
    assert shared.blobs.exists(keys.source(accepted.image_id))
    finish(shared, http, accepted)
    assert http.get(accepted.links.self).json()["status"] == "succeeded"


def test_a_form_and_json_mean_the_same(http: TestClient, shared: Store, png: bytes) -> None:
    choice = {"method": "ddim", "steps": 30}
    params = {"tau_s": 0.4}
    form = send(http, png, inversion=json.dumps(choice), params=json.dumps(params), seed="7")
    body = {
        "image": base64.b64encode(png).decode(),
        **ASKED,
        "inversion": choice,
        "params": params,
        "seed": 7,
    }
    answer = http.post("/edit", json=body)
    assert answer.status_code == 202, answer.text
    one, other = (http.get(f"/jobs/{job}").json() for job in (form.job_id, answer.json()["job_id"]))
    assert one["request"] == other["request"]
    assert one["request"]["inversion"]["steps"] == 30
    assert kinds(http).count("invert") == 1


def test_the_image_that_comes_is_the_one_that_is_there(http: TestClient, shared: Store, png: bytes) -> None:
    known = invert(http, png)
    assert send(http, png).image_id == known.image_id
    assert kinds(http) == ["edit", "invert"]


def test_a_known_edit_is_answered_with_its_job(http: TestClient, shared: Store, png: bytes) -> None:
    first = send(http, png)
    finish(shared, http, first)
    again = send(http, png)
    assert (again.job_id, again.status) == (first.job_id, "succeeded")
    answer = http.post("/edit", files={"image": png}, data=ASKED, headers={"Prefer": "wait=5"})
    assert answer.status_code == 200
    assert answer.json()["result"]["images"]
    for other in ({"prompt": "a fox on grass"}, {"seed": "7"}, {"source_prompt": "a cat on snow"}):
        assert send(http, png, **other).job_id != first.job_id
    with TestClient(create_app(shared, ServiceSettings(webhooks=True)), "http://localhost") as calling:
        assert send(calling, png, webhook_url="https://example.com/hook").job_id != first.job_id
    shared.delete_image(first.image_id)
    assert send(http, png).job_id != first.job_id


def test_an_inversion_that_failed_is_tried_again(http: TestClient, shared: Store, png: bytes) -> None:
    first = send(http, png)
    image = shared.images.get(first.image_id)
    assert image is not None
    shared.jobs.fail(begin(shared, image.job_id), Problem.of(ErrorCode.OUT_OF_MEMORY, "No room."))
    assert http.get(first.links.self).json()["status"] == "failed"
    assert http.get(send(http, png).links.self).json()["status"] == "queued"


def test_of_a_picture_and_its_edit_that_find_no_room_nothing_is_left(
    http: TestClient, shared: Store, png: bytes
) -> None:
    _, token = shared.apikeys.add("one", tenant="one", max_queued=2)
    one = Tenant(http=http, auth={"Authorization": f"Bearer {token}"})
    assert one.ask("POST", "/edit", files={"image": encoded(plain())}, data=ASKED).status_code == 202
    before = sorted(shared.redis.keys("pentimento:[ij]*"))
    mask = encoded(Image.new("L", (40, 32), 255))
    refused = one.ask("POST", "/edit", files={"image": png, "mask": mask}, data=ASKED)
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert sorted(shared.redis.keys("pentimento:[ij]*")) == before
    assert shared.orphans() == []


def test_what_is_wrong_with_the_edit_is_said_before_the_picture_is_kept(
    http: TestClient, shared: Store, png: bytes
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"params": '{"blend_words": ["unicorn"]}'}, "unknown_word"),
        ({"source_prompt": "", "method": "p2p"}, "prompts_do_not_align"),
        ({"model": "sd99"}, "unknown_model"),
        ({"inversion": '{"method": "nonsense"}'}, "validation_error"),
        ({"inversion": '{"prompt": "a cat"}'}, "validation_error"),
        ({"inversion": "{"}, "validation_error"),
        ({"prompts": '["a dog"]'}, "validation_error"),
        ({"image_id": "img_" + "a" * 26}, "validation_error"),
    ]
    for more, code in wrong:
        answer = http.post("/edit", files={"image": png}, data={**ASKED, **more})
        assert (answer.status_code, answer.json()["code"]) == (422, code), more
    neither = http.post("/edit", json=ASKED)
    assert neither.json()["code"] == "validation_error"
    assert http.post("/edit", data={"prompt": "a dog"}, files={}).status_code in (415, 422)
    for bad, status in ((b"%PDF-1.7", 415), (encoded(plain(60, 20)), 422), (encoded(noisy())[:-3000], 422)):
        assert http.post("/edit", files={"image": bad}, data=ASKED).status_code == status
    assert shared.stats().queued == 0
    assert shared.images.page("default", limit=1) == ([], None)


def test_a_long_picture_is_fitted(http: TestClient, png: bytes) -> None:
    accepted = send(http, encoded(plain(60, 20)), fit="crop")
    image = http.get(accepted.links.image).json()
    assert (image["width"], image["height"]) == (40, 20)


def test_sent_twice_with_one_key_it_is_one_job(http: TestClient, png: bytes) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (http.post("/edit", files={"image": png}, data=ASKED, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = http.post("/edit", files={"image": encoded(plain())}, data=ASKED, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


def test_another_tenants_edit_is_not_known(http: TestClient, shared: Store, png: bytes) -> None:
    first, second = (tenant(http, shared, name) for name in ("first", "second"))
    made = [each.ask("POST", "/edit", files={"image": png}, data=ASKED).json() for each in (first, second)]
    assert made[0]["image_id"] != made[1]["image_id"]
    assert second.ask("GET", made[0]["links"]["self"]).status_code == 404


def test_a_large_body_without_a_picture_is_refused_unread(http: TestClient) -> None:
    body = json.dumps({"image_id": "img_" + "a" * 26, "prompt": "a dog", "more": "x" * JSON_BYTES})
    answer = http.post("/edit", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
