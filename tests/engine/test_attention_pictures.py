"""Where words look, as pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

import engine
from engine import P2P, Edit
from engine.attention_pictures import drawing, word_attention

WHITE = Image.new("RGB", (12, 8), "white")


def test_a_drawing_is_the_picture_where_attention_is_highest_and_dark_where_there_is_none() -> None:
    attention = torch.zeros(4, 6)
    attention[:, :2] = 0.02

    light = np.array(drawing(attention, WHITE, 2).convert("L"))

    assert light.shape == (8, 12)
    assert light[:, 1].min() >= 250
    assert light[:, -2:].max() < 64


def test_a_drawing_is_smooth_and_covers_a_picture_that_its_places_do_not_divide() -> None:
    attention = torch.zeros(3, 3)
    attention[1, 1] = 5

    drawn = drawing(attention, Image.new("RGB", (10, 7), (200, 100, 50)), 4)

    light = np.array(drawn.convert("L"), int)
    assert drawn.size == (10, 7)
    assert len(np.unique(light)) > 8
    assert light[5:7, 5:7].min() > light[0, 0] * 3
    assert np.array(drawn)[5, 5].tolist() == pytest.approx([200, 100, 50], abs=25)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_where_nothing_is_attended_all_is_dark(value: float) -> None:
    light = np.array(drawing(torch.full((2, 3), value), WHITE, 4).convert("L"))

    assert light.max() < 64


def test_each_word_has_the_map_of_its_own_tokens(model: engine.Backbone) -> None:
    prompts = model.tokens("a cat on a fox"), model.tokens("a dog on A fox")
    maps = torch.zeros(2, model.token_limit, 2, 3)
    maps[0, [2, 4], 0, 0] = 1
    maps[1, list(prompts[1].positions("fox")), 1, 2] = 1

    found = word_attention(maps[None], prompts, (WHITE, WHITE), 4)

    assert [each.word for each in found] == ["a", "dog", "on", "fox", "cat"]
    seen = {each.word: (brightest(each.source), brightest(each.target)) for each in found}
    dark = None
    assert seen["a"] == ((0, 0), dark)
    assert seen["cat"] == ((0, 0), "absent")
    assert seen["fox"] == (dark, (1, 2))
    assert seen["dog"] == ("absent", dark)


def brightest(picture: Image.Image | None) -> tuple[int, int] | str | None:
    """The place that is lit, row and column; None where all is dark."""
    if picture is None:
        return "absent"
    light = np.array(picture.convert("L"))
    if light.max() < 64:
        return None
    row, column = np.unravel_index(light.argmax(), light.shape)
    return int(row) // 4, int(column) // 4


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (32, 56)])
def test_an_edit_shows_where_the_words_of_each_target_look(
    model: engine.Backbone, picture: Callable[..., Image.Image], size: tuple[int, int]
) -> None:
    record = engine.invert(model, picture(*size), prompt="a cat on grass", steps=3)

    def asked(*, attention: bool) -> Edit:
        method = P2P(blend_words=["cat", "dog"], attention=attention)
        return Edit(prompt=("a dog on grass", "a cat on red grass"), method=method)

    result = engine.edit(model, record, asked(attention=True))

    words = [[each.word for each in target] for target in result.attention]
    assert words == [["a", "dog", "on", "grass", "cat"], ["a", "cat", "on", "red", "grass"]]
    shown = {each.word: each for each in result.attention[0]}
    assert (shown["dog"].source, shown["cat"].target) == (None, None)
    pictures = [each for word in shown.values() for each in (word.source, word.target) if each]
    assert {each.size for each in pictures} == {size}
    assert len({each.tobytes() for each in pictures}) == len(pictures)
    for drawn, whole in ((shown["a"].source, result.source), (shown["a"].target, result.images[0])):
        assert drawn is not None
        assert (np.array(drawn) <= np.array(whole)).all()
    plain = engine.edit(model, record, asked(attention=False))
    assert plain.attention == ()
    assert [one.tobytes() for one in plain.images] == [one.tobytes() for one in result.images]


@pytest.mark.parametrize(
    ("asked", "steps"), [(1, (4,)), (2, (0, 4)), (4, (0, 1, 3, 4)), (8, (0, 1, 2, 3, 4))]
)
def test_single_steps_are_shown_side_by_side_for_each_word(
    model: engine.Backbone, record: engine.SourceRecord, asked: int, steps: tuple[int, ...]
) -> None:
    def shown(count: int) -> engine.EditResult:
        return engine.edit(model, record, Edit(prompt="a dog on grass", method=P2P(attention_steps=count)))

    result, whole = shown(asked), shown(0)

    assert (result.attention_steps, whole.attention_steps) == (steps, ())
    assert result.images[0].tobytes() == whole.images[0].tobytes()
    strips = {each.word: (each.source_steps, each.target_steps) for each in result.attention[0]}
    assert (strips["dog"][0], strips["cat"][1]) == (None, None)
    drawn = [strip for pair in strips.values() for strip in pair if strip]
    assert {strip.size for strip in drawn} == {(32 * len(steps), 32)}
    tiles = [strips["grass"][1].crop((32 * at, 0, 32 * at + 32, 32)) for at in range(len(steps))]  # type: ignore[union-attr]
    assert len({tile.tobytes() for tile in tiles}) == len(steps)


def test_the_steps_of_a_large_picture_are_shown_small(model: engine.Backbone) -> None:
    prompts = model.tokens("a cat"), model.tokens("a dog")
    maps = torch.ones(3, 2, model.token_limit, 10, 20)

    found = word_attention(maps, prompts, (Image.new("RGB", (320, 160)),) * 2, 16)

    assert found[0].target_steps is not None
    assert found[0].target_steps.size == (2 * 128, 64)
