"""What kind of change leads from one prompt to another, with and without a model's words."""

import pytest

from prompts import GRAMMAR, Kind, Lexicon, change, kinds

KNOWN = Lexicon(
    objects=frozenset({"cat", "dog", "car", "hat", "lion"}),
    colours=frozenset({"red", "blue"}),
    styles=frozenset({"photo", "pixel art", "watercolour"}),
    backgrounds=frozenset({"grass", "snow", "sky", "night sky"}),
)
CAT, PAIR = "a cat on grass", "a red star and a green heart in the snow"


@pytest.mark.parametrize("lexicon", [KNOWN, GRAMMAR], ids=["known", "grammar"])
@pytest.mark.parametrize(
    ("source", "target", "kind", "about", "kept"),
    [
        (CAT, "A Dog, on grass!", Kind.SWAP, ("cat", "Dog"), ()),
        ("a cat and a dog on grass", "a cat and a fox on grass", Kind.SWAP, ("dog", "fox"), ("cat",)),
        ("a bowl of soup on a table", "a bowl of salad on a table", Kind.SWAP, ("soup", "salad"), ()),
        ("a red car on sand", "a blue car on sand", Kind.COLOUR, ("car",), ()),
        (PAIR, "a green star and a red heart in the snow", Kind.COLOUR, ("star", "heart"), ()),
        (PAIR, "a yellow star and a green heart in the snow", Kind.COLOUR, ("star",), ("heart",)),
        (CAT, "a cat in the snow", Kind.BACKGROUND, (), ("cat",)),
        ("a panda at night in the night sky", "a panda in snow", Kind.BACKGROUND, (), ("panda",)),
        ("a cat in the sky", "a cat in the night sky", Kind.BACKGROUND, (), ("cat",)),
        (CAT, "a watercolour of a cat on grass", Kind.STYLE, (), ("cat",)),
        (CAT, "a cat on grass in pixel art style", Kind.STYLE, (), ("cat",)),
        ("a cat on grass, photo", "a cat on grass, watercolor", Kind.STYLE, (), ("cat",)),
        (CAT, "a cat and a dog on grass", Kind.ADDED, ("dog",), ("cat",)),
        (CAT, "a cat wearing a scarf on grass", Kind.ADDED, ("scarf",), ()),
        (CAT, "two cats on grass", Kind.ADDED, ("cats",), ()),
        (CAT, "grass", Kind.REMOVED, ("cat",), ()),
        (PAIR, "a green heart in the snow", Kind.REMOVED, ("star",), ("heart",)),
        ("a cat with a scarf on grass", CAT, Kind.TAKEN_OFF, ("scarf",), ()),
        ("a cat on the left on grass", "a cat on the right on grass", Kind.MOVED, ("cat",), ()),
        (CAT, "a blue cat on the right on grass", Kind.COLOUR, ("cat",), ()),
        (CAT, "a lion on snow", Kind.SEVERAL, ("cat", "lion"), ()),
        (CAT, "A cat on the grass.", Kind.REWORDED, (), ("cat",)),
        ("a red car on sand", "a car on sand", Kind.REWORDED, (), ("car",)),
        ("a sketch of a tree on grass", "a tree", Kind.REWORDED, (), ("tree",)),
        ("a photograph of a cat", "a photo of a cat", Kind.REWORDED, (), ("cat",)),
    ],
)
def test_kinds(
    source: str, target: str, kind: Kind, about: tuple[str, ...], kept: tuple[str, ...], lexicon: Lexicon
) -> None:
    found = change(source, target, lexicon)
    assert (found.kind, found.about, found.kept) == (kind, about, kept)


def test_a_model_that_knows_its_words_is_believed() -> None:
    in_the_sky, at_night = "a cat in the night sky", "a cat in the sky"
    assert change(in_the_sky, at_night, KNOWN).kind is Kind.BACKGROUND
    assert change(in_the_sky, at_night).kind is Kind.REWORDED
    assert change(CAT, "a cat with a dog on grass", KNOWN).about == ("dog",)
    assert change("a field of snow", "a cat in the snow", KNOWN).about == ("cat",)


def test_several_changes_name_their_parts() -> None:
    found = change(CAT, "a sketch of a lion and a cat in the night sky")
    assert found.parts == (Kind.ADDED, Kind.BACKGROUND, Kind.STYLE)


@pytest.mark.parametrize("text", ["", "?!", "of", "and", "on", "a", "with and on", "a of the", "two", "🎈"])
def test_what_is_no_caption_has_a_kind_all_the_same(text: str) -> None:
    for source, target in ((text, CAT), (CAT, text), (text, text)):
        assert change(source, target, KNOWN).kind in Kind


def test_things_without_number_are_not_all_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    real = kinds.same_noun
    monkeypatch.setattr(kinds, "same_noun", lambda one, other: compared.append(one) or real(one, other))

    assert change("x," * 990, "y," * 990).kind is Kind.SWAP
    assert len(compared) < 10_000
