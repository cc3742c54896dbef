"""What is known of an edit's words, and of an edit with its inversion, before there is a model."""

from typing import Any

import pytest

import prompts
from parameters import (
    EDITS,
    INVERSIONS,
    P2P,
    Direct,
    EditFriendly,
    EditParameters,
    Encode,
    Incompatible,
    InvalidParameter,
    NegativePromptInversion,
    NullText,
    Plain,
    PlugAndPlay,
    PromptsDoNotAlign,
    PromptTuning,
    UnknownWord,
    build,
    check_negative_prompt,
    check_proximal,
    check_sides,
    compatible,
)

SOURCE, TARGET = "a cat on grass", "a dog on grass"


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"reweight": {"lion": 2.0}}, "lion"),
        ({"reweight": {"cat": 2.0}}, "cat"),
        ({"tau_c": {"default": 0.4, "lion": 0.2}}, "lion"),
        ({"blend_words": ["dog", "lion"]}, "lion"),
        ({"blend_words": ["dog"], "subtract_words": ["sea"]}, "sea"),
        ({"reweight": {"?!": 2.0}}, "?!"),
    ],
)
def test_an_unknown_word_is_named_with_those_there_are(params: dict[str, Any], word: str) -> None:
    with pytest.raises(UnknownWord) as caught:
        build(P2P, params).check(SOURCE, [TARGET])
    assert caught.value.word == word
    assert {"dog", "grass"} <= set(caught.value.words)


@pytest.mark.parametrize(
    ("targets", "params", "named"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog"]}, "a fox on grass"),
        (["a dog on grass", "A cat, on grass"], {"blend_words": "changed"}, "A cat, on grass"),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 1.0}}, "a cat on grass"),
        ([SOURCE, TARGET], {"blend_words": "changed", "reweight": {"dog": 2}}, SOURCE),
    ],
)
def test_a_target_in_which_nothing_may_change_is_refused(
    targets: list[str], params: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        build(P2P, params).check(SOURCE, targets)
    assert caught.value.name == "blend_words"
    assert named in str(caught.value)
    assert "grass" in caught.value.words


@pytest.mark.parametrize(
    ("targets", "params"),
    [
        (["a dog on grass", "a fox on grass"], {"blend_words": ["cat"]}),
        (["a dog on grass", "a fox on grass"], {"blend_words": ["dog", "fox"]}),
        (["a cat on grass"], {"blend_words": "changed", "reweight": {"cat": 2}}),
        (["a cat on grass"], {"blend_words": []}),
        (["a dog's bed on grass"], {"blend_words": ["dog"], "reweight": {"bed on": 2}}),
        ([TARGET], {"tau_c": {"default": 0.8, "Dog": [0.1, 0.4]}}),
        ([TARGET], {"edit": "replace"}),
    ],
)
def test_good_words_are_accepted(targets: list[str], params: dict[str, Any]) -> None:
    build(P2P, params).check(SOURCE, targets)


@pytest.mark.parametrize(
    ("source", "target", "params"),
    [
        ("", TARGET, {}),
        (SOURCE, "?!", {}),
        (SOURCE, "a big dog on grass", {"edit": "replace"}),
    ],
)
def test_prompts_that_cannot_be_paired_are_refused(source: str, target: str, params: dict[str, Any]) -> None:
    with pytest.raises(PromptsDoNotAlign):
        build(P2P, params).check(source, [target])


def test_a_method_without_attention_needs_no_prompt_of_the_source() -> None:
    Plain().check("", [TARGET])
    PlugAndPlay().check("", [TARGET])
    with pytest.raises(UnknownWord):
        Plain(blend_words=("lion",)).check("", [TARGET])


def test_a_value_prompt_has_a_word() -> None:
    with pytest.raises(InvalidParameter, match="at least one word"):
        P2P(value_prompt="?!").check(SOURCE, [TARGET])


@pytest.mark.parametrize("edit", [edit for edit in EDITS.values() if edit.needs], ids=lambda edit: edit.name)
def test_an_edit_that_starts_from_the_inversion_does_not_go_with_encode(edit: type[EditParameters]) -> None:
    compatible(edit, PromptTuning)
    with pytest.raises(Incompatible) as caught:
        compatible(edit, Encode)
    error = caught.value
    assert (error.method, error.inversion, error.code) == (edit.name, "encode", "incompatible_inversion")
    assert error.missing == sorted(edit.needs)
    assert "prompt-tuning" in error.suitable
    assert all(edit.needs <= INVERSIONS[name].gives for name in error.suitable)


def test_what_an_inversion_of_noise_maps_gives_is_a_path_too() -> None:
    compatible(P2P, EditFriendly)


def test_a_negative_prompt_that_nothing_would_read_is_refused() -> None:
    check_negative_prompt("blurred", Direct, None)
    check_negative_prompt("blurred", Direct, 3.0)
    check_negative_prompt(None, NullText, 1.0)
    for kind in (NullText, NegativePromptInversion):
        with pytest.raises(InvalidParameter, match=f"{kind.name} has an unconditional prompt of its own"):
            check_negative_prompt("blurred", kind, 7.5)
    with pytest.raises(InvalidParameter, match="guidance scale 1"):
        check_negative_prompt("blurred", Direct, 1)


def test_there_is_nothing_to_threshold_without_guidance() -> None:
    class Unguided(Plain):
        name = "unguided"
        guided = False

    check_proximal(Plain(proximal=0.7), None)
    check_proximal(Plain(proximal=0.7), 3.0)
    check_proximal(Unguided(), 1.0)
    for asked, reason in (
        (Plain(proximal=0.7), "at guidance scale 1"),
        (Unguided(proximal=0.7), "unguided has"),
    ):
        with pytest.raises(InvalidParameter, match=f"proximal is 0.7, expected none, since {reason}"):
            check_proximal(asked, 1.0)


def test_inversion_guidance_needs_a_threshold_to_find_its_places() -> None:
    Plain(proximal=0.7, inversion_guidance=1.0).check("a cat", ["a dog"])
    Plain(inversion_guidance=0.0).check("a cat", ["a dog"])
    with pytest.raises(InvalidParameter, match=r"inversion_guidance is 1\.0, expected 0 without proximal"):
        Plain(inversion_guidance=1.0).check("a cat", ["a dog"])


def test_prompts_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    words = prompts.words

    def noted(text: str) -> Any:
        read.append(text)
        return words(text)

    target = " ".join(f"word{n}" for n in range(32))
    params = {"tau_c": {f"word{n}": 0.5 for n in range(32)}, "reweight": {f"word{n}": 2 for n in range(32)}}
    built = build(P2P, params)
    monkeypatch.setattr(prompts, "words", noted)
    monkeypatch.setattr(prompts, "find", lambda prompt, word: read.append(prompt))
    built.check(SOURCE, [target, target])
    assert (read.count(target), read.count(SOURCE)) == (1, 1)


@pytest.mark.parametrize("sides", [(64, 64), (128, 64), (64, 128), (128, 128), (168, 96)])
def test_sides_that_a_model_can_paint(sides: tuple[int, int]) -> None:
    check_sides(*sides, size=64, stride=8)


@pytest.mark.parametrize(
    ("sides", "name", "expected"),
    [
        ((63, 64), "width", "a multiple of 8 pixels"),
        ((64, 60), "height", "a multiple of 8 pixels"),
        ((136, 64), "width", "at most 2 times the other side, which is 64"),
        ((64, 136), "height", "at most 2 times the other side, which is 64"),
        ((176, 96), "width", "at most 170, for 4 times the area of the model's own 64x64"),
        ((136, 136), "width", "at most 120"),
    ],
)
def test_sides_that_a_model_cannot_paint(sides: tuple[int, int], name: str, expected: str) -> None:
    with pytest.raises(InvalidParameter, match=expected) as refused:
        check_sides(*sides, size=64, stride=8)
    assert refused.value.name == name
