"""What a model cannot do, known before anything is queued or kept."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from store import Store
from tests.service.conftest import edit, invert, ready, serve

BLIND = ["unconditional"]
"""What a model offers that cannot be looked into, such as Stable Diffusion 3."""
DISTILLED = ["cross_attention", "features", "self_attention"]
"""What one offers that has no unconditional branch, such as a latent consistency model."""


@pytest.fixture
def image(http: TestClient, shared: Store, png: bytes) -> str:
    serve(shared, offers=BLIND)
    return ready(http, shared, png)


def test_an_edit_by_default_is_one_that_the_model_can_do(http: TestClient, image: str) -> None:
    answer = edit(http, image)
    assert answer.status_code == 202, answer.text
    chosen = answer.json()["chosen"]
    assert (chosen["inversion"], chosen["method"], chosen["params"]) == ("edit-friendly", "plain", {})
    assert "p2p cannot be had from this model, since it has no cross-attention layers" in chosen["why"]
    kept = edit(http, image, inversion={"method": "ddim"}).json()
    assert (kept["inversion"]["method"], kept["chosen"]["method"]) == ("ddim", "plain")
    prompts = {"source": "a cat on grass", "target": "a dog on grass"}
    assert http.post("/prompts/compare", json=prompts).json()["chosen"] == chosen


def test_a_picture_that_is_sent_with_its_edit_is_edited_as_the_model_can(
    http: TestClient, shared: Store, png: bytes
) -> None:
    serve(shared, offers=BLIND)
    form = {"source_prompt": "a cat on grass", "prompt": "a dog on grass"}
    answer = http.post("/edit", files={"image": png}, data=form).json()
    assert (answer["inversion"]["method"], answer["chosen"]["method"]) == ("edit-friendly", "plain")


@pytest.mark.parametrize(
    ("offers", "fields", "parameter", "instead"),
    [
        (BLIND, {"method": "p2p"}, "method", "plain, sdedit"),
        (BLIND, {"method": "pnp"}, "method", "plain, sdedit"),
        (BLIND, {"method": "masactrl"}, "method", "plain, sdedit"),
        (BLIND, {"params": {"tau_s": 0.5}}, "method", "plain"),
        (BLIND, {"preset": "published"}, "method", "plain"),
        (BLIND, {"params": {"blend_words": "changed"}}, "blend_words", "send a mask"),
        (
            BLIND,
            {"method": "plain", "params": {"subtract_words": ["grass"]}},
            "subtract_words",
            "send a mask",
        ),
        (BLIND, {"params": {"attention": True}}, "attention", "leave it out"),
        (BLIND, {"region": "auto"}, "region", "[x, y, width, height]"),
        (BLIND, {"inversion": {"method": "stylediffusion"}}, "inversion.method", "aligned"),
        (DISTILLED, {"negative_prompt": "a ball"}, "negative_prompt", "leave it out"),
        (DISTILLED, {"method": "uniedit"}, "method", "plain"),
        (DISTILLED, {"params": {"proximal": 0.7}}, "proximal", "leave it out"),
        (DISTILLED, {"method": "p2plus", "preset": "published"}, "tau_u", "give 0"),
        (DISTILLED, {"inversion": {"method": "null-text"}}, "inversion.method", "aligned"),
    ],
)
def test_an_edit_that_the_model_cannot_do_is_refused_and_leaves_nothing(
    http: TestClient,
    shared: Store,
    png: bytes,
    offers: list[str],
    fields: dict[str, Any],
    parameter: str,
    instead: str,
) -> None:
    serve(shared, offers=offers)
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    form |= {"source_prompt": "a cat on grass", "prompt": "a dog on grass"}
    sent = http.post("/edit", files={"image": png}, data=form)
    assert (shared.stats().queued, http.get("/images").json()["images"]) == (0, [])
    image = invert(http, png).image_id
    before = shared.stats().queued
    for answer in (sent, edit(http, image, **fields)):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "unsupported_by_model")
        assert problem["parameter"] == parameter
        assert instead in problem["detail"].partition("; ")[2]
    assert shared.stats().queued == before


@pytest.mark.parametrize("method", ["stylediffusion", "stylediffusion-faithful"])
def test_an_inversion_that_the_model_cannot_do_is_refused_before_the_picture_is_kept(
    http: TestClient, shared: Store, png: bytes, method: str
) -> None:
    serve(shared, offers=BLIND)
    answer = http.post("/invert", files={"image": png}, data={"prompt": "a cat", "method": method})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["parameter"]) == (
        422,
        "unsupported_by_model",
        "method",
    )
    assert http.get("/images").json()["images"] == []


def test_a_picture_is_painted_without_a_negative_prompt_alone(http: TestClient, shared: Store) -> None:
    serve(shared, offers=DISTILLED)
    asked = {"prompt": "a cat on grass", "negative_prompt": "a ball"}
    problem = http.post("/generate", json=asked).json()
    assert (problem["code"], problem["parameter"]) == ("unsupported_by_model", "negative_prompt")
    assert http.post("/generate", json={"prompt": "a cat on grass"}).status_code == 202


def test_what_the_model_can_do_is_accepted(http: TestClient, shared: Store, image: str) -> None:
    for fields in ({"method": "sdedit"}, {"method": "diffedit"}, {"negative_prompt": "a ball"}):
        assert edit(http, image, **fields).status_code == 202
    serve(shared, offers=DISTILLED)
    assert edit(http, image).json()["chosen"]["method"] == "p2p"
    assert edit(http, image, params={"diffedit_mask": True}, region="auto").status_code == 202


def test_a_worker_that_does_not_say_is_trusted(http: TestClient, shared: Store, image: str) -> None:
    serve(shared)
    assert edit(http, image).json()["chosen"]["method"] == "p2p"
    assert edit(http, image, method="pnp").status_code == 202


def test_the_catalogue_says_what_methods_need_and_models_offer(http: TestClient, shared: Store) -> None:
    serve(shared, offers=BLIND)
    assert http.get("/models").json()[0]["offers"] == BLIND
    needs = {method["name"]: method["needs_of_model"] for method in http.get("/methods").json()}
    assert needs["pnp"] == ["features", "self_attention", "unconditional"]
    assert needs["stylediffusion"] == ["cross_attention", "unconditional"]
    assert needs["auto"] == needs["plain"] == []
