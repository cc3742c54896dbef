"""Instructions, and the prompts that they mean."""

import pytest

from prompts import Lexicon, instruction, instructions, referring

CAT, CAR, BOTH = "a cat on grass", "a red car on sand", "a cat and a dog on grass"
HAT, SKETCH = "a cat with a hat on grass", "a sketch of a tree on grass"


@pytest.mark.parametrize(
    ("source", "asked", "means"),
    [
        (CAT, "make the cat a fox", "a fox on grass"),
        (CAT, "Please turn the cat into a fox.", "a fox on grass"),
        (CAT, "replace the cat with two dogs", "two dogs on grass"),
        (BOTH, "make the dog a fox", "a cat and a fox on grass"),
        (SKETCH, "make the tree a house", "a sketch of a house on grass"),
        (CAT, "make it red", "a red cat on grass"),
        (CAR, "turn the car blue", "a blue car on sand"),
        (CAR, "make the red car blue", "a blue car on sand"),
        (CAR, "change the colour of the car to blue", "a blue car on sand"),
        ("an apple on wood", "make it green", "a green apple on wood"),
        (CAR, "make it an orange bus", "an orange bus on sand"),
        (BOTH, "remove the dog", "a cat on grass"),
        (CAT, "take away the cat", "grass"),
        (HAT, "remove the hat", "a cat on grass"),
        (CAT, "add a hat", "a cat with a hat on grass"),
        (CAT, "give the cat a hat", "a cat with a hat on grass"),
        (CAT, "put a hat on the cat", "a cat with a hat on grass"),
        (CAT, "make the cat wear glasses", "a cat with glasses on grass"),
        (CAT, "add a dog", "a cat and a dog on grass"),
        (CAT, "draw a dog next to the cat", "a cat and a dog on grass"),
        (CAT, "put it on snow", "a cat on snow"),
        (CAT, "change the background to the night sky", "a cat in the night sky"),
        (CAT, "change the grass to snow", "a cat on snow"),
        (CAT, "turn it into a watercolour", "a watercolour of a cat on grass"),
        (SKETCH, "turn it into a photo", "a photo of a tree on grass"),
    ],
)
def test_rules(source: str, asked: str, means: str) -> None:
    found = instruction(source, asked)
    assert found is not None
    assert found.prompt == means


@pytest.mark.parametrize("target", ["a dog on grass", "a maker of hats", "grass", "", "?"])
def test_what_says_what_is_to_be_seen_is_no_instruction(target: str) -> None:
    assert instruction(CAT, target) is None


@pytest.mark.parametrize(
    "asked", ["make the cat", "make", "remove the lion", "change it", "add", "replace the cat", "make a dog"]
)
def test_where_no_rule_fits_it_is_an_instruction_that_is_not_read(asked: str) -> None:
    found = instruction(CAT, asked)
    assert found is not None
    assert found.prompt is None


def test_a_model_tells_which_words_are_places() -> None:
    knows = Lexicon(backgrounds=frozenset({"snow"}))
    for lexicon, means in ((knows, "a cat on snow"), (Lexicon(), "a snow cat on grass")):
        found = instruction(CAT, "make it snow", lexicon)
        assert found is not None
        assert found.prompt == means


@pytest.mark.parametrize("source", ["", "on", "and with of", "a", "?"])
def test_a_source_that_is_no_caption_ends_no_rule_badly(source: str) -> None:
    for asked in ("make it red", "remove the cat", "add a hat", "put it on snow", "make the cat a dog"):
        found = instruction(source, asked)
        assert found is not None


@pytest.mark.parametrize("verb", ["make", "give"])
def test_the_work_of_an_instruction_grows_with_its_length_alone(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    real = instructions.words
    for module in (instructions, referring):
        monkeypatch.setattr(module, "words", lambda text: cut.append(text) or real(text))
    asked = f"{verb} " + "x " * 990

    assert instruction(CAT, asked) is not None
    assert sum(map(len, cut)) < 10 * len(asked)
