"""Edits that leave the method to `auto`."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import InversionInfo, Knowledge, ModelInfo
from parameters import Recipe
from store import Store, keys
from tests.service.conftest import begin, edit, edited, invert, never_served, png_of, ready

TABLE = {
    "swap": Recipe(method="p2p", params={"tau_s": 0.3}, guidance_scale=4.0, because="so."),
    "background": Recipe(inversion="edit-friendly", inversion_params={"seed": 5}, method="plain"),
}


@pytest.fixture
def image(http: TestClient, shared: Store, png: bytes) -> str:
    knows = Knowledge(objects=["cat", "dog"], backgrounds=["grass", "snow"])
    facts: dict[str, Any] = {"name": "miniature", "size": 64, "token_limit": 16, "guidance_scale": 3}
    shared.presence.publish("worker", ModelInfo(**facts, knows=knows, auto=TABLE), 30)
    return ready(http, shared, png, steps="20")


def asked(http: TestClient, image: str, prompt: str, **fields: Any) -> tuple[Any, Any]:
    """The answer, and the request as its job has it."""
    answer = edit(http, image, prompt, **fields)
    assert answer.status_code == 202, answer.text
    return answer.json(), http.get(answer.headers["location"]).json()["request"]


def test_the_table_of_the_model_is_followed_and_told(http: TestClient, shared: Store, image: str) -> None:
    answer, request = asked(http, image, "a dog on grass")
    assert (request["method"], request["guidance_scale"], request["params"]["tau_s"]) == ("p2p", 4.0, 0.3)
    assert answer["chosen"] == {
        "kind": "swap",
        "prompts": ["a dog on grass"],
        "inversion": "aligned",
        "method": "p2p",
        "params": {"tau_s": 0.3},
        "guidance_scale": 4.0,
        "kept": False,
        "why": "A thing is swapped: cat, dog; so. (measured for this model)",
    }
    claim = begin(shared, answer["job_id"])
    assert claim.chosen.model_dump(mode="json") == answer["chosen"]
    shared.jobs.succeed(claim, edited(image).model_copy(update={"chosen": claim.chosen}))
    assert http.get(answer["links"]["self"]).json()["result"]["chosen"] == answer["chosen"]


def test_another_inversion_is_made_with_the_prompt_and_steps_of_the_own(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "a cat on snow")
    made = answer["inversion"]
    assert (made["method"], made["steps"], made["prompt"]) == ("edit-friendly", 20, "a cat on grass")
    assert made["params"]["seed"] == request["inversion"]["params"]["seed"] == 5
    assert answer["chosen"]["inversion"] == "edit-friendly"


def test_an_inversion_that_was_asked_for_stays(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "a cat on snow", inversion={"method": "ddim"})
    assert (answer["inversion"]["method"], request["method"]) == ("ddim", "p2p")
    assert answer["chosen"]["kept"]


def test_what_was_chosen_asks_for_the_same_again(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "make the cat a dog", seed=3)
    assert (request["prompt"], request["seed"]) == ("a dog on grass", 3)
    again = http.post("/edit", json={name: each for name, each in request.items() if each is not None})
    assert again.json()["chosen"] is None
    assert again.json()["inversion"] == answer["inversion"]
    assert http.get(again.headers["location"]).json()["request"] == request


def test_a_scale_that_is_given_wins(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "a dog on grass", guidance_scale=2.5)
    assert answer["chosen"]["guidance_scale"] == request["guidance_scale"] == 2.5


def test_an_instruction_that_no_rule_fits_is_warned_of(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "make the lion a dog")
    assert request["prompt"] == "make the lion a dog"
    assert "instruction_unread" in [each["code"] for each in answer["warnings"]]


def test_a_method_that_is_named_is_not_chosen(http: TestClient, image: str) -> None:
    answer, request = asked(http, image, "make the cat a dog", method="p2p")
    assert (answer["chosen"], request["prompt"]) == (None, "make the cat a dog")


def test_a_picture_that_comes_with_its_edit_is_inverted_as_chosen(
    http: TestClient, image: str, png: bytes
) -> None:
    fields = {"source_prompt": "a cat on grass", "prompts": '["put it on snow", "a cat in the snow"]'}
    answer = http.post("/edit", files={"image": png}, data=fields).json()
    assert (answer["image_id"], answer["inversion"]["method"]) == (image, "edit-friendly")
    assert answer["chosen"]["prompts"] == ["a cat on snow", "a cat in the snow"]


@pytest.mark.parametrize("then", [{}, {"method": "p2p"}, {"inversion": {"steps": 9}}])
def test_a_picture_that_came_with_an_edit_is_edited_as_one_that_was_sent_ahead(
    http: TestClient, shared: Store, image: str, png: bytes, then: dict[str, Any]
) -> None:
    first, second = "a cat on snow", "a dog on grass"
    ahead = [asked(http, image, first)[1], asked(http, image, second, **then)[1]]
    shared.delete_image(image)
    upload = {
        "source_prompt": "a cat on grass",
        "prompt": first,
        "inversion": '{"steps": 20, "method": "aligned"}',
    }
    answer = http.post("/edit", files={"image": png}, data=upload)
    along = [http.get(answer.headers["location"]).json()["request"], asked(http, image, second, **then)[1]]
    assert along == ahead
    assert along[1]["inversion"]["method"] == "aligned"
    (own, *_) = http.get(f"/images/{image}").json()["inversions"]
    assert (own["own"], own["chosen"], own["method"]) == (True, True, "edit-friendly")


def test_an_inversion_that_was_chosen_and_is_then_asked_for_stays(
    http: TestClient, shared: Store, image: str, png: bytes
) -> None:
    shared.delete_image(image)
    upload = {"source_prompt": "a cat on grass", "prompt": "a cat on snow"}
    http.post("/edit", files={"image": png}, data=upload)
    invert(http, png, method="edit-friendly", params='{"seed": 5}')
    answer, request = asked(http, image, "a dog on grass")
    assert (answer["inversion"]["method"], request["method"]) == ("edit-friendly", "p2p")
    assert answer["chosen"]["kept"]
    assert not http.get(f"/images/{image}").json()["inversions"][0]["chosen"]


@pytest.mark.parametrize(("method", "then"), [("aligned", "aligned"), ("ddim", "ddim")])
def test_what_auto_chose_for_an_edit_is_not_taken_for_edits_of_its_result(
    http: TestClient, shared: Store, image: str, method: str, then: str
) -> None:
    answer, _ = asked(http, image, "a cat on snow", inversion={"method": method})
    claim = begin(shared, answer["job_id"])
    file = png_of((48, 48))
    shared.blobs.put(keys.result(image, file), file)
    url = keys.url(keys.result(image, file))
    made = edited(image)
    pictures = [made.images[0].model_copy(update={"url": url, "prompt": "a cat on snow"})]
    taken = InversionInfo.model_validate(answer["inversion"])
    known = {"images": pictures, "chosen": claim.chosen, "inversion": taken}
    shared.jobs.succeed(claim, made.model_copy(update=known))
    further, _ = asked(http, url, "a dog on snow")
    assert (further["inversion"]["method"], further["inversion"]["steps"]) == (then, 20)
    own = http.post("/images", json={"from_result": url}).json()["inversion"]
    assert (own["method"], own["steps"]) == (then, 20)


def test_before_any_worker_has_said_what_suits_its_model_nothing_is_chosen(
    http: TestClient, shared: Store, image: str, png: bytes
) -> None:
    before = shared.stats()
    shared.presence.retire("worker")
    never_served(shared)
    upload = {"source_prompt": "a cat on grass", "prompt": "a cat on snow"}
    sent = http.post("/edit", files={"image": png}, data=upload)
    for answer in (edit(http, image, "a cat on snow"), sent):
        assert (answer.status_code, answer.json()["code"]) == (503, "model_loading")
        assert answer.headers["retry-after"] == "5"
    assert shared.stats() == before
    prompts = {"source": "a cat on grass", "target": "a cat on snow"}
    assert http.post("/prompts/compare", json=prompts).json()["chosen"] is None
    assert edit(http, image, "a cat on snow", method="p2p").status_code == 202


def test_comparing_prompts_tells_what_would_be_chosen(http: TestClient, image: str) -> None:
    prompts = {"source": "a cat on grass", "target": "put it on snow"}
    chosen = http.post("/prompts/compare", json=prompts).json()["chosen"]
    assert (chosen["kind"], chosen["inversion"], chosen["prompts"]) == (
        "background",
        "edit-friendly",
        ["a cat on snow"],
    )


def test_the_choice_is_the_same_while_no_worker_is_there(
    http: TestClient, shared: Store, image: str, png: bytes
) -> None:
    upload = {"source_prompt": "a cat on grass", "prompt": "a cat on snow"}
    sent = http.post("/edit", files={"image": png}, data=upload).json()["chosen"]
    named, _ = asked(http, image, "a dog on grass")
    shared.presence.retire("worker")
    assert http.get("/models").json() == []
    assert http.post("/edit", files={"image": png}, data=upload).json()["chosen"] == sent
    assert asked(http, image, "a dog on grass")[0]["chosen"] == named["chosen"]
