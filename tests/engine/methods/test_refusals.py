"""What an edit cannot be, refused by name before any work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import engine
from engine import P2P, Edit, P2Plus, Plain, PlugAndPlay
from engine.errors import (
    Incompatible,
    InvalidParameter,
    PentimentoError,
    PromptsDoNotAlign,
    PromptTooLong,
    RecordMismatch,
    UnknownWord,
)
from parameters import EDITS, EditParameters, NullText, for_pictures

LONG = "dog " * 30
DOG = "a dog on grass"

REFUSALS: list[tuple[type[PentimentoError], str, str, EditParameters]] = [
    *(
        (UnknownWord, "fox", DOG, kind(blend_words=["dog", "fox"]))
        for kind in (P2P, P2Plus, Plain, PlugAndPlay)
    ),
    (UnknownWord, "cat", DOG, P2P(reweight={"cat": 2})),
    (UnknownWord, "cat", DOG, P2P(tau_c={"cat": 0.2})),
    (UnknownWord, "fox", DOG, Plain(subtract_words=["fox"])),
    (PromptsDoNotAlign, "words one for one", "a red dog on grass", P2P(edit="replace")),
    (PromptsDoNotAlign, "no words", "?!", P2P()),
    *((PromptTooLong, "24", LONG, kind()) for kind in (P2P, P2Plus, Plain, PlugAndPlay)),
    (PromptTooLong, "24", "a dog", P2P(value_prompt=LONG)),
    (InvalidParameter, "value_prompt is", "a dog", P2P(value_prompt="?!")),
    (InvalidParameter, "prompt is", "a \ud800 dog", Plain()),
    (InvalidParameter, "blend_words", "a cat on grass", Plain(blend_words="changed")),
    (InvalidParameter, "blend_words", "a fox on grass", PlugAndPlay(blend_words=["dog"])),
]


@pytest.mark.parametrize(("error", "says", "target", "method"), REFUSALS, ids=lambda value: ascii(value)[:24])
def test_what_cannot_be_is_refused_before_any_work(
    model: engine.Backbone,
    record: engine.SourceRecord,
    network_rows: list[int],
    error: type[PentimentoError],
    says: str,
    target: str,
    method: EditParameters,
) -> None:
    with pytest.raises(error, match=says):
        engine.edit(model, record, Edit(prompt=("a dog on grass", target), method=method))

    assert network_rows == []


def test_words_are_those_of_all_targets_though_one_is_painted(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    asked = Edit(prompt=(DOG, "a red cat on grass"), method=P2P(reweight={"red": 2}))

    assert len(engine.edit(model, record, replace(asked, only=0)).images) == 1
    with pytest.raises(UnknownWord) as caught:
        engine.edit(model, record, Edit(prompt=DOG, method=P2P(blend_words=["fox"])))
    assert (caught.value.word, caught.value.words) == ("fox", ["a", "cat", "on", "grass", "dog"])


@pytest.mark.parametrize("method", [name for name, kind in EDITS.items() if kind.needs])
def test_a_method_gets_what_it_needs_of_an_inversion_or_says_what_is_missing(
    model: engine.Backbone, image: Image.Image, network_rows: list[int], method: str
) -> None:
    record = engine.invert(model, image, prompt="a cat on grass", method="encode", steps=4)
    with pytest.raises(Incompatible) as caught:
        engine.edit(model, record, Edit(prompt=DOG, method=EDITS[method]()))

    assert caught.value.missing == sorted(EDITS[method].needs)
    suitable = {name for name, kind in for_pictures().items() if kind.gives >= EDITS[method].needs}
    assert set(caught.value.suitable) == suitable
    assert network_rows == []


def test_an_encoded_picture_is_its_clean_latent_and_comes_back(
    model: engine.Backbone, image: Image.Image, network_rows: list[int]
) -> None:
    record = engine.invert(model, image, prompt="", method="encode", steps=4)

    assert record.trajectory.shape == (1, 4, 8, 8)
    direct = engine.invert(model, image, prompt="", steps=1)
    network_rows.clear()
    assert engine.reconstruct(model, record).tobytes() == engine.reconstruct(model, direct).tobytes()
    assert network_rows == []


def test_a_record_learned_at_one_scale_is_edited_at_that_whatever_the_method(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    learned = replace(record, method="null-text", params={"guidance_scale": 3.0})
    for kind in (each for each in EDITS.values() if each.guided):
        if not kind.needs <= NullText.gives:
            continue
        with pytest.raises(RecordMismatch, match="guidance scale"):
            engine.edit(model, learned, Edit(prompt=DOG, method=kind(), guidance_scale=5))


@pytest.mark.parametrize("prompt", ["", "?!"])
def test_prompt_to_prompt_needs_words_in_the_source(
    model: engine.Backbone, image: Image.Image, prompt: Any
) -> None:
    record = engine.invert(model, image, prompt=prompt, steps=2)
    with pytest.raises(PromptsDoNotAlign, match="without a prompt"):
        engine.edit(model, record, Edit(prompt=DOG))
    assert len(engine.edit(model, record, Edit(prompt=DOG, method=PlugAndPlay())).images) == 1
