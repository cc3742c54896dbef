"""What a method cannot resolve, refused by name before any work."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from engine import METHODS, P2P, Edit
from engine.errors import (
    InvalidParameter,
    PentimentoError,
    PromptsDoNotAlign,
    PromptTooLong,
    UnknownWord,
)

REFUSALS: list[tuple[type[PentimentoError], str, str, dict[str, Any]]] = [
    (UnknownWord, "fox", "a dog on grass", {"reweight": {"fox": 2}}),
    (UnknownWord, "cat", "a dog on grass", {"reweight": {"cat": 2}}),
    (UnknownWord, "cat", "a dog on grass", {"tau_c": {"cat": 0.2}}),
    (UnknownWord, "fox", "a dog on grass", {"blend_words": ["dog", "fox"]}),
    (UnknownWord, "fox", "a dog on grass", {"subtract_words": ["fox"]}),
    (PromptsDoNotAlign, "number of words", "a red dog on grass", {"edit": "replace"}),
    (PromptsDoNotAlign, "at least one word", "?!", {}),
    (PromptTooLong, "24", "dog " * 30, {}),
    (InvalidParameter, "edit", "a dog", {"edit": "swap"}),
    (InvalidParameter, "tau_c", "a dog", {"tau_c": 1.5}),
    (InvalidParameter, "tau_c", "a dog", {"tau_c": {"default": -1}}),
    (InvalidParameter, "tau_c.dog", "a dog", {"tau_c": {"dog": [0.8, 0.2]}}),
    *(
        (InvalidParameter, f"{name} is", "a dog", {name: value})
        for name in ("tau_s", "tau_v")
        for value in ([0.6, 0.5], 1.1, -0.1, [0, 0.5, 1], "x", None, float("nan"))
    ),
    (PromptTooLong, "24", "a dog", {"value_prompt": "dog " * 30}),
    *(
        (InvalidParameter, "value_prompt is", "a dog", {"value_prompt": value})
        for value in ("", "?!", 5, ["a"])
    ),
    (InvalidParameter, "prompt is", "a dog", {"value_prompt": "a \ud800 cat"}),
    (InvalidParameter, "reweight.dog", "a dog", {"reweight": {"dog": float("inf")}}),
    (InvalidParameter, "reweight.dog", "a dog", {"reweight": {"dog": True}}),
    (InvalidParameter, "blend_words", "a cat on grass", {"blend_words": "changed"}),
    *(
        (InvalidParameter, f"{name} is", "a dog", {name: value})
        for name, values in {
            "edit": (None, ["replace"]),
            "tau_c": (None, "1", {1: 0.5}, 10**400),
            "reweight": (["dog"], None, "dog", {1: 2}),
            "blend_words": ("dog", "", [1], 5, [["dog"]], {"dog": 1}),
            "subtract_words": ("dog", "", [1], 5, None),
            "blend_threshold": (0, 1.0, "x", True, float("nan")),
            "blend_in": ("pixels", None, 1),
            "blend_start": (-0.1, 1.0, [0.2, 0.5], "x", None),
        }.items()
        for value in values
    ),
    (InvalidParameter, "reweight.dog is", "a dog", {"reweight": {"dog": 10**400}}),
    (InvalidParameter, "reweight.dog is", "a dog", {"reweight": {"dog": "2"}}),
    (InvalidParameter, "tau_c.dog is", "a dog", {"tau_c": {"dog": 10**400}}),
]


@pytest.mark.parametrize(("error", "says", "target", "params"), REFUSALS, ids=lambda value: str(value)[:24])
def test_what_cannot_be_is_refused_before_any_work(
    models: engine.Models,
    record: engine.SourceRecord,
    unet_rows: list[int],
    error: type[PentimentoError],
    says: str,
    target: str,
    params: dict[str, Any],
) -> None:
    with pytest.raises(error, match=says):
        engine.edit(models, record, Edit(prompt=target, method=P2P(**params)))

    assert unet_rows == []


def test_an_unknown_word_names_the_words_there_are(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    with pytest.raises(UnknownWord) as caught:
        engine.edit(models, record, Edit(prompt="a dog on grass", method=P2P(blend_words=["fox"])))

    assert (caught.value.word, caught.value.words) == ("fox", ["a", "cat", "on", "grass", "dog"])


def test_a_target_that_no_blend_word_touches_is_refused(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    with pytest.raises(InvalidParameter, match="a fox on grass"):
        P2P(blend_words=["dog"]).plan(models, record, Edit(prompt=("a dog on grass", "a fox on grass")))


@pytest.mark.parametrize("value", [[0.6, 0.5], 1.1, -0.1, [0, 0.5, 1], "x", None, float("nan")])
def test_p2plus_refuses_odd_windows_of_its_own(
    models: engine.Models, record: engine.SourceRecord, unet_rows: list[int], value: Any
) -> None:
    with pytest.raises(InvalidParameter, match="tau_u is"):
        engine.edit(models, record, Edit(prompt="a dog", method=METHODS["p2plus"](tau_u=value)))

    assert unet_rows == []
