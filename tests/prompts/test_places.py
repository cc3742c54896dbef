"""Which words of a source stand for the place of a change."""

import pytest

import prompts
from parameters import P2P


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ("a cat on grass", "a dog on grass", ["cat"]),
        ("a red car on sand", "a blue car on sand", ["red", "car"]),
        ("a car on sand", "a blue car on sand", ["car"]),
        ("a cat and a dog on grass", "a cat and a small dog on grass", ["dog"]),
        ("a cat on grass", "a cat wearing a hat on grass", ["cat"]),
        ("a cat on grass", "a cat on snow", ["grass"]),
        ("a cat and a dog on grass", "a cat on grass", ["dog"]),
        ("A Cat, on grass", "a cat on grass", []),
        ("a cat", "a cat and a dog", ["cat"]),
        ("", "a cat", []),
    ],
)
def test_words_of_the_place(source: str, target: str, found: list[str]) -> None:
    there = [word.folded for word in prompts.words(source)]
    assert [there[index] for index in prompts.places(source, target)] == found


def test_an_edit_looks_where_it_is_confined_to_else_where_words_change() -> None:
    source, targets = "a cat and a dog on grass", ["a cat and a fox on grass", "a cat and a dog on snow"]
    assert P2P().places(source, targets) == (4, 6)
    assert P2P(blend_words="changed").places(source, targets) == (4, 6)
    assert P2P(blend_words=("cat", "lion")).places(source, targets) == (1,)
    assert P2P(blend_words=("fox",)).places(source, targets[:1]) == (4,)
    assert P2P(reweight={"dog": 2.0}).places(source, [source]) == (4,)
    assert P2P(reweight={"dog": 1.0}).places(source, [source]) == ()
