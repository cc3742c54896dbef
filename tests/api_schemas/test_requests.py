"""What clients may ask for, and what they are told when they may not."""

import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from api_schemas import EditRequest, InvertOptions
from api_schemas.params import CHOICES
from parameters import (
    DDIM,
    EDITS,
    INVERSIONS,
    P2P,
    Direct,
    EditFriendly,
    NullText,
    P2Plus,
    Plain,
    StyleDiffusion,
    StyleDiffusionFaithful,
)

IMAGE = "img_" + "a" * 26


def refused(model: Any, **fields: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(fields)
    return [(error["loc"], error["type"]) for error in caught.value.errors()]


def edit(**fields: Any) -> EditRequest:
    return EditRequest.model_validate({"image_id": IMAGE, "prompt": "a dog", **fields})


@pytest.mark.parametrize(("model", "registry"), [(EditRequest, CHOICES), (InvertOptions, INVERSIONS)])
def test_a_method_is_one_of_the_registry(model: type[Any], registry: Any) -> None:
    schema = model.model_json_schema()
    assert schema["properties"]["method"]["enum"] == list(registry)
    named = {form["$ref"].rpartition("/")[2] for form in schema["properties"]["params"]["anyOf"]}
    assert named == {method.__name__ for method in registry.values()}
    assert refused(model, image_id=IMAGE, prompt="a", method="p3p")[0] == (("method",), "literal_error")


@pytest.mark.parametrize(
    ("method", "model"),
    [
        ("ddim", DDIM),
        ("direct", Direct),
        ("stylediffusion", StyleDiffusion),
        ("stylediffusion-faithful", StyleDiffusionFaithful),
    ],
)
def test_params_are_read_by_the_method_they_stand_beside(method: str, model: type) -> None:
    choices: list[dict[str, Any]] = [{}, {"params": {}}]
    for given in choices:
        assert type(InvertOptions.model_validate({"prompt": "", "method": method, **given}).params) is model


def test_a_wrong_parameter_is_named_where_it_stands() -> None:
    assert refused(InvertOptions, prompt="", method="ddim", params={"eta": 1}) == [
        (("params", "eta"), "extra_forbidden")
    ]
    assert refused(EditRequest, image_id=IMAGE, prompt="a", params={"tau_s": [0.2]})[0][0][:2] == (
        "params",
        "tau_s",
    )


@pytest.mark.parametrize(
    "params",
    [
        {"tau_c": 1.01},
        {"tau_c": {"dog": [0.5, 0.2]}},
        {"tau_s": [0.9, 0.1]},
        {"tau_s": float("nan")},
        {"reweight": {"dog": float("inf")}},
        {"reweight": {"": 1}},
        {"tau_c": {f"word{n}": 0.5 for n in range(34)}},
        {"blend_words": "everything"},
        {"tau_c": [0.5, 0.2]},
        {"blend_threshold": 1},
        {"blend_threshold": 0},
        {"blend_start": 1},
        {"tau_x": 0.1},
        {"edit": "swap"},
    ],
)
def test_parameters_out_of_range_are_refused(params: dict[str, Any]) -> None:
    assert refused(EditRequest, image_id=IMAGE, prompt="a", params=params)


@pytest.mark.parametrize("name", ["tau_v", "tau_c", "tau_s", "tau_u"])
@pytest.mark.parametrize(
    ("window", "at"),
    [
        (1.5, ("number",)),
        (-0.1, ("number",)),
        ([0.5, 1.5], ("span", 1)),
        ([0.5], ("span", 1)),
        ([0.9, 0.1], ()),
    ],
)
def test_a_bad_window_is_one_error_that_names_the_field(
    name: str, window: object, at: tuple[str | int, ...]
) -> None:
    fields: dict[str, Any] = {"image_id": IMAGE, "prompt": "a", "method": "p2plus", "params": {name: window}}
    assert [loc for loc, _ in refused(EditRequest, **fields)] == [("params", name, *at)]


def test_a_bad_window_of_a_word_is_one_error_that_names_the_word() -> None:
    fields = {"image_id": IMAGE, "prompt": "a", "params": {"tau_c": {"default": 0.4, "dog": 1.5}}}
    assert refused(EditRequest, **fields) == [
        (("params", "tau_c", "by_word", "dog", "number"), "less_than_equal")
    ]
    assert refused(EditRequest, image_id=IMAGE, prompt="a", params={"tau_s": {"dog": 0.5}}) == [
        (("params", "tau_s"), "window")
    ]


def test_p2plus_is_p2p_with_tau_u() -> None:
    params = edit(method="p2plus", params={"tau_u": [0, 0.5]}).params
    assert isinstance(params, P2Plus)
    assert (params.tau_v, params.tau_c, params.tau_s, params.tau_u) == (0.5, None, None, (0, 0.5))
    assert type(edit(method="p2plus").params) is P2Plus
    assert type(edit(method="p2p", params=P2Plus()).params) is P2P
    assert refused(EditRequest, image_id=IMAGE, prompt="a", method="p2p", params={"tau_u": 0.5}) == [
        (("params", "tau_u"), "extra_forbidden")
    ]


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({}, "auto"),
        ({"params": {"attention": True, "blend_words": "changed"}}, "auto"),
        ({"params": '{"blend_threshold": 0.5}'}, "auto"),
        ({"params": {"tau_s": 0.5}}, "p2p"),
        ({"params": '{"skip": 0.5}'}, "plain"),
        ({"params": {"tau_c": 0.5, "tau_u": 0.5}}, "p2plus"),
        ({"params": {"tau_f": 0.5}}, "pnp"),
        ({"preset": "published"}, "p2p"),
        ({"method": "auto", "params": {"tau_s": 0.5}}, "p2p"),
        ({"preset": "published", "params": {"tau_f": 0.5}}, "pnp"),
    ],
)
def test_parameters_of_a_method_select_it(fields: dict[str, Any], method: str) -> None:
    asked = edit(**fields)
    assert asked.method == asked.params.name == method


@pytest.mark.parametrize("method", EDITS)
def test_every_method_takes_attention_as_true_or_false(method: str) -> None:
    assert edit(method=method, params={"attention": True}).params.attention
    assert not edit(method=method).params.attention
    fields = {"image_id": IMAGE, "prompt": "a", "method": method, "params": json.dumps({"attention": 1})}
    assert refused(EditRequest, **fields) == [(("params", "attention"), "bool_type")]


@pytest.mark.parametrize("value_prompt", ["", "a" * 2001, 5])
def test_a_value_prompt_is_a_prompt(value_prompt: object) -> None:
    fields = {"image_id": IMAGE, "prompt": "a", "params": {"value_prompt": value_prompt}}
    assert refused(EditRequest, **fields)[0][0] == ("params", "value_prompt")
    assert edit(params={"value_prompt": "a lawn"}).params.value_prompt == "a lawn"


@pytest.mark.parametrize("scale", [-1, 51, "3", float("nan"), True])
def test_an_inversion_learns_at_a_scale_that_edits_can_have(scale: object) -> None:
    options = {"prompt": "", "method": "stylediffusion"}
    text = json.dumps({"guidance_scale": scale})
    assert refused(InvertOptions, **options, params=text)[0][0] == ("params", "guidance_scale")
    assert InvertOptions.model_validate({**options, "params": '{"guidance_scale": 5}'}).params == (
        StyleDiffusion(guidance_scale=5)
    )


def test_windows_are_given_in_every_documented_form() -> None:
    params = edit(params={"tau_c": {"default": 0.8, "dog": [0, 0.3]}, "tau_s": [0.1, 0.5]}).params
    assert params == P2P(tau_c={"default": 0.8, "dog": (0, 0.3)}, tau_s=(0.1, 0.5))


def test_one_prompt_or_several_but_not_both() -> None:
    assert edit().targets == ("a dog",)
    assert edit(prompt=None, prompts=["a", "b"]).targets == ("a", "b")
    wrong: list[dict[str, Any]] = [
        {"prompt": None},
        {"prompts": ["a"]},
        {"prompt": ""},
        {"prompt": None, "prompts": []},
    ]
    for fields in wrong:
        assert refused(EditRequest, **{"image_id": IMAGE, "prompt": "a dog", **fields})
    assert refused(EditRequest, image_id=IMAGE, prompts=["a"] * 9)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"prompt": "a"}, True),
        ({"prompts": ["a"]}, True),
        ({"prompt": "a", "prompts": None}, True),
        ({"prompt": None, "prompts": ["a"]}, True),
        ({}, False),
        ({"prompt": None}, False),
        ({"prompt": "a", "prompts": ["a"]}, False),
    ],
)
def test_the_schema_knows_that_one_form_of_prompt_is_given(fields: dict[str, Any], fits: bool) -> None:
    asked = {"image_id": IMAGE, **fields}
    assert jsonschema_rs.validator_for(EditRequest.model_json_schema()).is_valid(asked) == fits
    if fits:
        EditRequest.model_validate(asked)
    else:
        assert refused(EditRequest, **asked)


def test_a_model_has_a_name() -> None:
    named, null = InvertOptions.model_json_schema()["properties"]["model"]["anyOf"]
    assert (named["minLength"], null["type"]) == (1, "null")
    with pytest.raises(ValidationError, match="model"):
        InvertOptions(prompt="", model="")


@pytest.mark.parametrize("params", [{"tau_s": "0.5"}, {"tau_c": True}, {"reweight": {"dog": "2"}}])
def test_params_in_json_are_read_strictly(params: dict[str, Any]) -> None:
    asked = {"image_id": IMAGE, "prompt": "a dog"}
    text = json.dumps(params)
    with pytest.raises(ValidationError) as caught:
        EditRequest.model_validate_json(json.dumps({**asked, "params": params}))
    assert caught.value.errors()[0]["loc"][:2] == ("params", next(iter(params)))
    assert refused(EditRequest, **asked, params=text)[0][0][:2] == ("params", next(iter(params)))


def test_params_survive_the_way_through_json() -> None:
    given = {"tau_c": {"default": 1, "dog": [0, 0.3]}, "tau_s": [0.1, 0.5], "blend_words": ["dog"]}
    once = edit(params=given)
    assert EditRequest.model_validate_json(once.model_dump_json(), strict=True) == once
    assert edit(params=json.dumps(given)) == once


@pytest.mark.parametrize("image_id", ["", "img_x", "IMG_" + "a" * 26, "../" + "a" * 27, IMAGE + "\n"])
def test_an_id_has_its_shape(image_id: str) -> None:
    assert refused(EditRequest, image_id=image_id, prompt="a") == [(("image_id",), "string_pattern_mismatch")]


@pytest.mark.parametrize("model", [EditRequest, InvertOptions])
def test_every_example_is_valid_and_an_unknown_field_is_not(model: type[Any]) -> None:
    for example in model.model_json_schema().get("examples", []):
        model.model_validate(example)
    assert (("typo",), "extra_forbidden") in refused(model, image_id=IMAGE, prompt="a", typo=1)


@pytest.mark.parametrize("steps", [0, 1001, 1.5])
def test_steps_have_bounds(steps: float) -> None:
    assert refused(InvertOptions, prompt="", steps=steps)[0][0] == ("steps",)


def test_the_published_settings_include_steps_and_guidance_but_what_is_given_wins() -> None:
    options: dict[str, Any] = {"prompt": "a", "method": "edit-friendly", "preset": "published"}
    taken = InvertOptions.model_validate(options)
    assert isinstance(taken.params, EditFriendly)
    assert (taken.steps, taken.params.guidance_scale, taken.params.last_noise) == (100, 3.5, False)
    params = {"last_noise": True}
    given = InvertOptions.model_validate_json(json.dumps({**options, "steps": 20, "params": params}))
    assert isinstance(given.params, EditFriendly)
    assert (given.steps, given.params.last_noise, given.params.guidance_scale) == (20, True, 3.5)
    form = InvertOptions.model_validate({**options, "method": "null-text", "steps": "7", "params": "{}"})
    assert (form.steps, form.params) == (7, NullText(guidance_scale=7.5, inner_steps=10, learning_rate=0.01))

    chosen = edit(preset="published", params={"tau_c": 0.9})
    assert isinstance(chosen.params, P2P)
    assert (chosen.guidance_scale, chosen.params.tau_c, chosen.params.tau_s) == (7.5, 0.9, 0.6)
    assert edit(preset="published", guidance_scale=4).guidance_scale == 4
    assert edit(preset="published", method="plain").params == Plain(skip=0.36)
    assert edit(preset="published", method="plain").guidance_scale == 15
    assert edit(guidance_scale=None).guidance_scale is None
    again = EditRequest.model_validate_json(chosen.model_dump_json(), strict=True)
    assert again == chosen


@pytest.mark.parametrize(
    "fields", [{"preset": "best"}, {"seed": -1}, {"seed": 2**63}, {"negative_prompt": 5}]
)
def test_what_all_edits_take_has_bounds(fields: dict[str, Any]) -> None:
    assert [loc for loc, _ in refused(EditRequest, image_id=IMAGE, prompt="a", **fields)] == [tuple(fields)]


@pytest.mark.parametrize("method", [["p2p"], {"p2p": 1}, None, 5])
def test_a_method_that_is_no_name_is_refused(method: object) -> None:
    fields = {"image_id": IMAGE, "prompt": "a", "method": method, "preset": "published"}
    assert ("method",) in [loc for loc, _ in refused(EditRequest, **fields)]
