"""Edits that name an inversion of their image."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_schemas import ErrorCode, Problem
from store import Store
from tests.service.conftest import begin, edit, edited, invert, inverted, ready, serve

OWN = {"method": "stylediffusion", "steps": "20", "params": '{"guidance_scale": 5, "inner_steps": 7}'}


def used(http: TestClient, image: str, **inversion: Any) -> dict[str, Any]:
    """The inversion that an edit is accepted for."""
    answer = edit(http, image, **({"inversion": inversion} if inversion else {}))
    assert answer.status_code == 202, answer.text
    named = answer.json()["inversion"]
    job = http.get(answer.headers["location"]).json()
    asked = job["request"]["inversion"]
    assert asked == {name: named[name] for name in asked}
    return {name: named[name] for name in ("method", "steps", "prompt", "params")}


def test_what_an_edit_does_not_say_is_as_in_the_images_own_inversion(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png, **OWN)
    learned = {"guidance_scale": 5, "inner_steps": 7}
    own = {"method": "stylediffusion", "steps": 20, "prompt": "a cat on grass", "params": learned}
    assert used(http, image) == own
    assert used(http, image, steps=30) == own | {"steps": 30}
    assert used(http, image, prompt="a tabby on grass") == own | {"prompt": "a tabby on grass"}
    assert used(http, image, params={"inner_steps": 3}) == own | {"params": learned | {"inner_steps": 3}}
    assert used(http, image, method="stylediffusion") == own
    assert used(http, image, method="aligned") == own | {"method": "aligned", "params": {}}
    faithful = used(http, image, method="stylediffusion-faithful", params={"inner_steps": 3})
    assert faithful["params"]["guidance_scale"] is None
    assert (faithful["params"]["inner_steps"], faithful["steps"]) == (3, 20)


def test_a_preset_sets_the_steps_that_are_not_given(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png, steps="20")

    def steps(**asked: Any) -> int:
        return int(edit(http, image, preset="published", **asked).json()["inversion"]["steps"])

    assert steps() == steps(method="p2p") == 50
    assert steps(method="p2plus") == 30
    assert steps(method="plain", inversion={"method": "edit-friendly"}) == 100
    assert steps(inversion={"steps": 10}) == 10


def test_a_later_inversion_changes_no_edit_that_was_accepted(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png)
    job = edit(http, image).json()["job_id"]
    invert(http, png, method="ddim")
    assert begin(shared, job).inversion.method == "aligned"
    request = http.get(f"/jobs/{job}").json()["request"]
    again = http.post("/edit", json={name: value for name, value in request.items() if value is not None})
    assert again.json()["inversion"]["method"] == "aligned"
    assert edit(http, image).json()["inversion"]["method"] == "ddim"


def test_an_edit_of_an_inversion_under_way_waits_and_one_of_another_does_not(
    http: TestClient, shared: Store, png: bytes
) -> None:
    first = invert(http, png)
    edit(http, first.image_id)
    assert shared.stats().held == 1
    edit(http, first.image_id, inversion={"method": "ddim"})
    assert shared.stats().held == 1
    ddim = invert(http, png, method="ddim")
    assert edit(http, first.image_id, inversion={"method": "aligned"}).json()["status"] == "queued"
    assert shared.stats().held == 2
    shared.jobs.succeed(begin(shared, ddim.job_id), inverted(ddim.image_id))
    assert shared.stats().held == 2


def test_only_edits_of_the_inversion_that_failed_are_refused(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png)
    failed = invert(http, png, method="ddim")
    problem = Problem.of(ErrorCode.NUMERICAL_ERROR, "the latents are not finite")
    shared.jobs.fail(begin(shared, failed.job_id), problem)
    refused = edit(http, image)
    assert (refused.status_code, refused.json()["code"]) == (409, "numerical_error")
    assert edit(http, image, inversion={"method": "ddim"}).status_code == 409
    assert edit(http, image, inversion={"method": "aligned"}).status_code == 202


def test_an_inversion_that_an_edit_made_is_listed_with_what_is_stored_of_it(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png)
    accepted = edit(http, image, inversion={"method": "ddim"}).json()
    claim = begin(shared, accepted["job_id"])
    shared.jobs.made(claim, 1234)
    shared.jobs.succeed(claim, edited(image))
    (own, made) = http.get(f"/images/{image}").json()["inversions"]
    assert (own["own"], own["method"], made["own"], made["method"]) == (True, "aligned", False, "ddim")
    assert (made["id"], made["status"], made["bytes"]) == (accepted["inversion"]["id"], "ready", 1234)
    assert (made["job_id"], made["result"], made["error"]) == (accepted["job_id"], None, None)


@pytest.mark.parametrize(
    ("inversion", "loc"),
    [
        ({"method": "magic"}, ["inversion", "method"]),
        ({"steps": 0}, ["inversion", "steps"]),
        ({"speed": 1}, ["inversion", "speed"]),
        ({"params": {"inner_steps": 3}}, ["inversion", "params", "inner_steps"]),
        (
            {"method": "stylediffusion", "params": {"inner_steps": "3"}},
            ["inversion", "params", "inner_steps"],
        ),
    ],
)
def test_an_inversion_that_cannot_be_is_refused_by_its_field(
    http: TestClient, shared: Store, png: bytes, inversion: dict[str, Any], loc: list[str]
) -> None:
    image = ready(http, shared, png)
    before = shared.stats()
    answer = edit(http, image, inversion=inversion)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    found = answer.json()["errors"][0]["loc"]
    assert [part for part in found if part in loc] == loc
    assert shared.stats() == before


def test_the_prompt_and_the_method_of_the_named_inversion_are_what_is_checked(
    http: TestClient, shared: Store, png: bytes
) -> None:
    serve(shared, token_limit=8)
    image = ready(http, shared, png, method="encode")
    assert edit(http, image).json()["code"] == "incompatible_inversion"
    assert edit(http, image, inversion={"method": "aligned"}).status_code == 202
    long = edit(http, image, inversion={"method": "aligned", "prompt": "a cat on a very very green lawn"})
    assert (long.json()["code"], long.json()["parameter"]) == ("prompt_too_long", "inversion.prompt")
    wordless = edit(http, image, inversion={"method": "null-text", "prompt": "?!"})
    assert (wordless.json()["code"], wordless.json()["parameter"]) == (
        "invalid_parameter",
        "inversion.prompt",
    )
    params = {"subtract_words": ["tabby"], "blend_words": ["dog"]}
    assert edit(http, image, inversion={"method": "aligned"}, params=params).json()["word"] == "tabby"
    named = {"method": "aligned", "prompt": "a tabby on grass"}
    assert edit(http, image, inversion=named, params=params).status_code == 202


def test_the_answers_to_an_invert_name_the_inversion(http: TestClient, shared: Store, png: bytes) -> None:
    first = invert(http, png)
    assert first.inversion is not None
    image = http.get(first.links.image).json()
    assert image["inversions"][0]["id"] == first.inversion.id
    assert first.inversion.model == image["model"]
