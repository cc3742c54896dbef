"""What is known to be wrong with an edit before it is queued."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from store import Store
from tests.service.conftest import edit, never_served, png_of, ready, serve


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"reweight": {"lion": 2.0}}, "lion"),
        ({"reweight": {"cat": 2.0}}, "cat"),
        ({"tau_c": {"default": 0.4, "lion": 0.2}}, "lion"),
        ({"blend_words": ["dog", "lion"]}, "lion"),
        ({"blend_words": ["dog"], "subtract_words": ["sea"]}, "sea"),
    ],
)
def test_unknown_words_are_named_before_queueing(
    http: TestClient, shared: Store, png: bytes, params: dict[str, Any], word: str
) -> None:
    image = ready(http, shared, png)
    before = shared.stats().queued
    answer = edit(http, image, params=params)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["word"]) == (422, "unknown_word", word)
    assert {"dog", "grass"} <= set(problem["words"])
    assert shared.stats().queued == before


@pytest.mark.parametrize(
    ("targets", "params", "named"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog"]}, "a fox on grass"),
        (["a dog on grass", "A cat, on grass"], {"blend_words": "changed"}, "A cat, on grass"),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 1.0}}, "a cat on grass"),
        (
            ["a cat on grass", "a dog on grass"],
            {"blend_words": "changed", "reweight": {"dog": 2}},
            "a cat on grass",
        ),
    ],
)
def test_a_target_in_which_nothing_may_change_is_refused(
    http: TestClient, shared: Store, png: bytes, targets: list[str], params: dict[str, Any], named: str
) -> None:
    image = ready(http, shared, png)
    answer = http.post("/edit", json={"image_id": image, "prompts": targets, "params": params})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_parameter")
    assert (problem["parameter"], problem["value"]) == ("blend_words", params["blend_words"])
    assert named in problem["detail"]
    assert [word.lower() for word in problem["words"]] == [
        "a",
        "cat" if "at" in named else "fox",
        "on",
        "grass",
    ]


@pytest.mark.parametrize(
    ("targets", "params"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["cat"]}),
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog", "fox"]}),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 2}}),
        (["a cat on grass"], {"blend_words": []}),
        (["a dog's bed on grass"], {"blend_words": ["dog"], "reweight": {"bed on": 2}}),
    ],
)
def test_a_target_in_which_something_may_change_is_accepted(
    http: TestClient, shared: Store, png: bytes, targets: list[str], params: dict[str, Any]
) -> None:
    image = ready(http, shared, png)
    answer = http.post("/edit", json={"image_id": image, "prompts": targets, "params": params})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    "params",
    [
        {"reweight": {"Dog": -1}},
        {"tau_c": {"default": 0.8, "dog": [0.1, 0.4]}},
        {"blend_words": ["cat", "dog"], "subtract_words": ["grass"]},
        {"blend_words": "changed"},
        {"edit": "replace"},
        {"tau_s": [0.1, 0.5]},
        {"tau_v": [0.1, 0.5], "attention": True},
    ],
)
def test_good_params_are_accepted(
    http: TestClient, shared: Store, png: bytes, params: dict[str, Any]
) -> None:
    answer = edit(http, ready(http, shared, png), params=params)
    assert answer.status_code == 202, answer.text


def test_replace_needs_as_many_words(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png)
    answer = edit(http, image, "a big dog on grass", params={"edit": "replace"})
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")
    assert edit(http, image, "a big dog on grass").status_code == 202


def test_a_target_without_words_is_refused(http: TestClient, shared: Store, png: bytes) -> None:
    answer = edit(http, ready(http, shared, png), "!?")
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")


def test_an_image_without_a_prompt_cannot_be_edited_by_words(
    http: TestClient, shared: Store, png: bytes
) -> None:
    answer = edit(http, ready(http, shared, png, prompt=""), method="p2p")
    assert (answer.status_code, answer.json()["code"]) == (422, "prompts_do_not_align")


def test_a_learned_inversion_is_edited_at_its_own_scale(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png, method="stylediffusion", params='{"guidance_scale": 5}')
    refused = edit(http, image, guidance_scale=4)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "record_mismatch")
    assert (problem["parameter"], problem["value"], problem["expected"]) == ("guidance_scale", "4", "5")
    assert 'guidance_scale out, or name the inversion {"params": {"guidance_scale": 4}}' in problem["detail"]
    named = {"params": {"guidance_scale": 4}}
    assert edit(http, image, guidance_scale=4, inversion=named).status_code == 202
    assert [edit(http, image, guidance_scale=scale).status_code for scale in (5, None)] == [202, 202]


def test_a_learned_inversion_without_a_scale_has_the_models(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png, method="stylediffusion")
    never_served(shared)
    assert edit(http, image, method="p2p", guidance_scale=4).status_code == 202, "nobody knows the scale yet"
    serve(shared)
    assert edit(http, image, guidance_scale=4).json()["code"] == "record_mismatch"
    assert edit(http, image, guidance_scale=3).status_code == 202


def test_an_inversion_that_learned_nothing_is_edited_at_any_scale(
    http: TestClient, shared: Store, png: bytes
) -> None:
    serve(shared)
    assert edit(http, ready(http, shared, png), guidance_scale=9).status_code == 202


@pytest.mark.parametrize("method", ["p2p", "p2plus"])
@pytest.mark.parametrize(
    ("value_prompt", "code"),
    [
        ("", "validation_error"),
        ("?!", "invalid_parameter"),
        ("a very long and winding lawn on grass", "prompt_too_long"),
    ],
)
def test_a_value_prompt_that_cannot_be_read_is_refused(
    http: TestClient, shared: Store, png: bytes, method: str, value_prompt: str, code: str
) -> None:
    serve(shared, token_limit=8)
    image = ready(http, shared, png)
    answer = edit(http, image, method=method, params={"value_prompt": value_prompt})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "value" in answer.json()["detail"]
    assert code == "validation_error" or answer.json()["parameter"] == "value_prompt"
    assert edit(http, image, method=method, params={"value_prompt": "a dog of ink"}).status_code == 202


def test_a_method_that_needs_what_the_inversion_does_not_give_is_refused(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png, method="encode")
    answer = edit(http, image)
    assert (answer.status_code, answer.json()["code"]) == (422, "incompatible_inversion")
    assert "direct" in answer.json()["detail"]
    assert edit(http, ready(http, shared, png, method="edit-friendly"), method="plain").status_code == 202


def test_a_negative_prompt_that_nothing_would_read_is_refused(
    http: TestClient, shared: Store, png: bytes
) -> None:
    serve(shared, token_limit=8)
    learned = ready(http, shared, png, method="null-text")
    free = ready(http, shared, png_of((32, 40)))
    for image, fields, said in [
        (learned, {}, "null-text has"),
        (free, {"guidance_scale": 1}, "guidance scale 1"),
    ]:
        answer = edit(http, image, negative_prompt="blurred", **fields)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
        assert (answer.json()["parameter"], answer.json()["value"]) == ("negative_prompt", "blurred")
        assert said in answer.json()["detail"]
    long = edit(http, free, negative_prompt="a very long and winding lawn on grass")
    assert (long.json()["code"], long.json()["parameter"]) == ("prompt_too_long", "negative_prompt")
    assert edit(http, free, negative_prompt="blurred").status_code == 202


def test_guidance_of_a_method_that_has_none_is_refused(http: TestClient, shared: Store, png: bytes) -> None:
    image = ready(http, shared, png, method="uni-inv")
    for name, value in (("guidance_scale", 4.0), ("negative_prompt", "blurred")):
        answer = edit(http, image, method="uniedit", **{name: value})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
        assert (answer.json()["parameter"], answer.json()["value"]) == (name, value)
    assert edit(http, image, method="uniedit", params={"omega": 2.0}).status_code == 202


@pytest.mark.parametrize("method", ["null-text", "negative-prompt"])
def test_an_inversion_that_works_by_its_prompt_needs_one(http: TestClient, png: bytes, method: str) -> None:
    for prompt, status in [("?!", 422), ("a cat", 202)]:
        fields = {"prompt": prompt, "method": method}
        answer = http.post("/invert", files={"image": png}, data=fields)
        assert answer.status_code == status, answer.text
        assert status == 202 or answer.json()["parameter"] == "prompt"


def test_prompt_tuning_needs_no_prompt_and_mixes_within_bounds(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png, method="prompt-tuning", prompt="")
    for eta, status in [(-0.1, 422), (1.1, 422), ("half", 422), (0, 202), (1, 202)]:
        answer = edit(http, image, method="prompt-interpolation", params={"eta": eta})
        assert answer.status_code == status, answer.text
        assert status == 202 or "eta" in answer.json()["detail"]
    answer = edit(http, ready(http, shared, png_of((32, 40))), method="prompt-interpolation")
    assert (answer.status_code, answer.json()["code"]) == (422, "incompatible_inversion")
    assert "prompt-tuning" in answer.json()["detail"]


def test_what_guidance_changes_cannot_be_thresholded_without_guidance(
    http: TestClient, shared: Store, png: bytes
) -> None:
    image = ready(http, shared, png)
    for fields, code in [
        ({"guidance_scale": 1, "params": {"proximal": 0.7}}, "invalid_parameter"),
        ({"params": {"proximal": 1}}, "validation_error"),
    ]:
        answer = edit(http, image, **fields)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "proximal" in answer.json()["detail"]
    assert edit(http, image, params={"proximal": 0.7}).status_code == 202


@pytest.mark.parametrize("params", [{"reweight": {"dog": 1, "Dog": 2}}, {"tau_c": {"dog": 0.1, "DOG": 0.2}}])
def test_two_values_for_one_word_are_refused(
    http: TestClient, shared: Store, png: bytes, params: dict[str, Any]
) -> None:
    answer = edit(http, ready(http, shared, png), params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert "the same word" in answer.json()["detail"]
