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

    found = word_attention(maps, prompts, (WHITE, WHITE), 4)

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
