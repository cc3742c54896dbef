"""What clients may ask for, and what they are told when they may not."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from api_schemas import (
    INVERTERS,
    METHODS,
    DDIMParams,
    DirectParams,
    EditRequest,
    FaithfulStyleDiffusionParams,
    InvertOptions,
    P2PlusParams,
    P2PParams,
    StyleDiffusionParams,
)
from api_schemas.params import InverterName, MethodName

IMAGE = "img_" + "a" * 26


def refused(model: Any, **fields: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(fields)
    return [(error["loc"], error["type"]) for error in caught.value.errors()]


def edit(**fields: Any) -> EditRequest:
    return EditRequest.model_validate({"image_id": IMAGE, "prompt": "a dog", **fields})


def test_the_names_on_the_wire_are_those_of_the_registries() -> None:
    assert set(get_args(InverterName)) == set(INVERTERS)
    assert set(get_args(MethodName)) == set(METHODS)


@pytest.mark.parametrize(
    ("method", "model"),
    [
        ("ddim", DDIMParams),
        ("direct", DirectParams),
        ("stylediffusion", StyleDiffusionParams),
        ("stylediffusion-faithful", FaithfulStyleDiffusionParams),
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
        (None, ("number",)),
        ([0.5, 1.5], ("span", 1)),
        ([0.5], ("span", 1)),
        ([0.9, 0.1], ()),
    ],
)
def test_a_bad_window_is_one_error_that_names_the_field(
    name: str, window: object, at: tuple[str | int, ...]
) -> None:
    fields = {"image_id": IMAGE, "prompt": "a", "method": "p2plus", "params": {name: window}}
    assert [loc for loc, _ in refused(EditRequest, **fields)] == [("params", name, *at)]


def test_a_bad_window_of_a_word_is_one_error_that_names_the_word() -> None:
    fields = {"image_id": IMAGE, "prompt": "a", "params": {"tau_c": {"default": 0.4, "dog": 1.5}}}
    assert refused(EditRequest, **fields) == [
        (("params", "tau_c", "by_word", "dog", "number"), "less_than_equal")
    ]
    assert refused(EditRequest, image_id=IMAGE, prompt="a", params={"tau_s": {"dog": 0.5}}) == [
        (("params", "tau_s"), "window")
    ]


def test_p2plus_has_defaults_of_its_own_and_p2p_knows_nothing_of_tau_u() -> None:
    params = edit(method="p2plus", params={"tau_u": [0, 0.5]}).params
    assert isinstance(params, P2PlusParams)
    assert (params.tau_v, params.tau_c, params.tau_s, params.tau_u) == (0.5, 0.2, 0.6, (0, 0.5))
    assert type(edit(method="p2plus").params) is P2PlusParams
    assert type(edit(method="p2p", params=P2PlusParams()).params) is P2PParams
    assert refused(EditRequest, image_id=IMAGE, prompt="a", params={"tau_u": 0.5}) == [
        (("params", "tau_u"), "extra_forbidden")
    ]


@pytest.mark.parametrize("method", METHODS)
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
        StyleDiffusionParams(guidance_scale=5)
    )


def test_windows_are_given_in_every_documented_form() -> None:
    params = edit(params={"tau_c": {"default": 0.8, "dog": [0, 0.3]}, "tau_s": [0.1, 0.5]}).params
    assert params == P2PParams(tau_c={"default": 0.8, "dog": (0, 0.3)}, tau_s=(0.1, 0.5))
    assert edit().params == P2PParams()


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
    ("fields", "fitting"),
    [
        ({"prompt": "a"}, 1),
        ({"prompts": ["a"]}, 1),
        ({"prompt": "a", "prompts": None}, 1),
        ({"prompt": None, "prompts": ["a"]}, 1),
        ({}, 0),
        ({"prompt": None}, 0),
        ({"prompt": "a", "prompts": ["a"]}, 0),
    ],
)
def test_the_schema_knows_that_one_form_of_prompt_is_given(fields: dict[str, Any], fitting: int) -> None:
    kinds = {"string": str, "array": list, "null": type(None)}
    forms = EditRequest.model_json_schema()["oneOf"]

    def fits(form: dict[str, Any]) -> bool:
        given = {name: part for name, part in form["properties"].items() if name in fields}
        return set(form["required"]) <= set(fields) and all(
            isinstance(fields[name], kinds[part["type"]]) for name, part in given.items()
        )

    assert sum(map(fits, forms)) == fitting
    if fitting:
        EditRequest.model_validate({"image_id": IMAGE, **fields})
    else:
        assert refused(EditRequest, image_id=IMAGE, **fields)


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
