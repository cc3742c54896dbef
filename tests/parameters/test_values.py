"""Parameters made of plain values, their errors, and the values that fill them."""

from typing import Any

import pytest
from pydantic import ValidationError

from parameters import (
    DDIM,
    EDITS,
    INVERSIONS,
    P2P,
    EditFriendly,
    InvalidParameter,
    NullText,
    P2Plus,
    Parameters,
    Plain,
    build,
    changed_from_defaults,
    preset,
    resolved,
)

EVERY = [*INVERSIONS.values(), *EDITS.values()]


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.name)
def test_every_method_has_a_sentence_and_help_for_every_field(cls: type[Parameters]) -> None:
    assert cls.summary.endswith(".")
    assert [name for name, field in cls.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.name)
def test_published_settings_are_valid_and_leave_nothing_to_the_model(cls: type[Parameters]) -> None:
    full = resolved(preset(cls()), {})
    assert [
        name for name, value in full.model_dump().items() if value is None and name in cls.published
    ] == []
    unknown = set(cls.published) - set(cls.model_fields) - {"steps", "guidance_scale"}
    assert unknown == set()


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"tau_c": 1.2}, "tau_c", "a fraction from 0 to 1"),
        ({"tau_c": {"dog": 2}}, "tau_c.dog", "a fraction from 0 to 1"),
        ({"tau_c": {"dog": 0.2, "Dog": 0.3}}, "tau_c", "one value for 'dog' and 'Dog'"),
        ({"reweight": {"café": 1, "CAFE\u0301": 2}}, "reweight", "the same word"),
        ({"tau_s": "x"}, "tau_s", "a fraction"),
        ({"tau_s": True}, "tau_s", "a fraction"),
        ({"tau_s": None, "tau_v": None}, "tau_v", "a fraction"),
        ({"tau_s": [0.9, 0.1]}, "tau_s", "from the smaller to the larger"),
        ({"tau_s": 10**400}, "tau_s", "a fraction"),
        ({"tau_s": {"dog": 0.2}}, "tau_s", "a fraction"),
        ({"reweight": {"dog": float("nan")}}, "reweight.dog", "finite"),
        ({"reweight_window": "tau"}, "reweight_window", "'tau_c'"),
        ({"blend_words": "all"}, "blend_words", "a list of words, or 'changed'"),
        ({"blend_words": ["a", 3]}, "blend_words", "string"),
        ({"blend_threshold": 1}, "blend_threshold", "less than 1"),
        ({"edit": "swap"}, "edit", "'auto', 'replace' or 'refine'"),
        ({"value_prompt": ""}, "value_prompt", "at least 1 character"),
        ({"attention": 1}, "attention", "boolean"),
        ({"tau_x": 1}, "tau_x", "one of the parameters of p2p: attention"),
        ({"tau_c": object()}, "params", "JSON"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    values: dict[str, Any], name: str, expected: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        build(P2P, values)
    assert caught.value.name == name
    assert expected in caught.value.expected


def test_a_method_without_parameters_says_so() -> None:
    with pytest.raises(InvalidParameter, match="it has none"):
        build(DDIM, {"eta": 1})


def test_values_come_in_every_python_form() -> None:
    built = build(P2P, {"tau_c": (0.1, 0.5), "blend_words": ("a",), "tau_s": [0, 1]})
    assert built == P2P(tau_c=(0.1, 0.5), blend_words=("a",), tau_s=(0, 1))
    assert build(P2P) == P2P()


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        P2P().tau_v = 0.1  # type: ignore[misc]


def test_none_takes_the_models_value_and_without_one_the_published() -> None:
    full = resolved(P2P(tau_s=0.3), {"tau_c": 0.2, "tau_s": 0.8, "blend_threshold": 0.4})
    assert (full.tau_c, full.tau_s, full.blend_threshold, full.padding) == (0.2, 0.3, 0.4, "absolute")
    assert (full.tau_v, full.reweight_window, full.blend_maps) == (0.5, 1.0, "own"), "no None, so no change"
    assert full.value_prompt is None
    assert resolved(P2Plus(), {}).tau_s == 0.6
    assert resolved(EditFriendly(), {}).guidance_scale == 3.5
    assert resolved(NullText(), {"guidance_scale": 3}).guidance_scale == 3
    assert resolved(full, {"tau_c": 0.9}) == full


def test_words_without_a_default_take_the_models() -> None:
    given = P2P(tau_c={"dog": 0.1})
    assert resolved(given, {"tau_c": 0.2}).tau_c == {"default": 0.2, "dog": 0.1}
    assert resolved(given, {"tau_c": {"default": 0.2, "cat": 1.0}}).tau_c == {
        "default": 0.2,
        "cat": 1.0,
        "dog": 0.1,
    }
    stated = P2P(tau_c={"default": 0.7})
    assert resolved(stated, {"tau_c": 0.2}).tau_c == {"default": 0.7}
    assert resolved(given, {"reweight": {"cat": 2.0}}).reweight == {"cat": 2.0}


def test_the_preset_gives_way_to_what_is_given() -> None:
    chosen = preset(P2P(tau_c=0.9, blend_in="picture"))
    assert (chosen.tau_c, chosen.tau_s, chosen.blend_in) == (0.9, 0.6, "picture")
    assert (chosen.reweight_window, chosen.padding, chosen.blend_maps) == ("tau_c", "absolute", "edited")
    assert preset(Plain()).skip == 0.36
    assert preset(Plain(skip=0.0)).skip == 0.0


def test_only_what_differs_from_the_defaults_tells_requests_apart() -> None:
    assert changed_from_defaults(P2P()) == {}
    assert changed_from_defaults(P2P(tau_v=0.5, edit="auto")) == {}
    assert changed_from_defaults(P2P(tau_c=(0, 0.5), blend_words=("a",))) == {
        "tau_c": [0, 0.5],
        "blend_words": ["a"],
    }
