"""What a word is, and how it is found."""

import pytest

import prompts


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat on grass", ["a", "cat", "on", "grass"]),
        ("  A Cat, on “grass”!?  ", ["A", "Cat", "on", "grass"]),
        ("a dog's red-hot ball", ["a", "dog's", "red-hot", "ball"]),
        ("a cat & a dog, R&B", ["a", "cat", "&", "a", "dog", "R&B"]),
        ("the dogs' - ball -", ["the", "dogs", "ball"]),
        ("cafe\u0301 cre\u0300me", ["cafe\u0301", "cre\u0300me"]),
        ("고양이가 잔디 위에", ["고양이가", "잔디", "위에"]),
        ("小猫 on 草", ["小", "猫", "on", "草"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("two 🐱🐶, 3d", ["two", "🐱", "🐶", "3d"]),
        ("cat🐱 👩\u200d🚀❤\ufe0f", ["cat", "🐱", "👩\u200d🚀", "❤\ufe0f"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_are_what_a_person_would_count(prompt: str, expected: list[str]) -> None:
    found = prompts.words(prompt)

    assert [word.text for word in found] == expected
    assert [prompt[word.start : word.stop] for word in found] == expected


@pytest.mark.parametrize(
    ("prompt", "word", "indices"),
    [
        ("a Cat on grass", "cat", (1,)),
        ("a cat, and a cat.", "CAT", (1, 4)),
        ("a red ball and a red box", "red ball", (1, 2)),
        ("red red red", "red red", (0, 1, 2)),
        ("a cafe\u0301", "caf\u00e9", (1,)),
        ("the ﬁne STRASSE", "straße", (2,)),
        ("the ﬁne dog", "fine", (1,)),
        ("a ＣＡＴ on grass", "cat", (1,)),
        ("2² dogs", "22", (0,)),
        ("I ❤\ufe0f a cat", "❤", (1,)),
        ("a ❤ cat", "❤\ufe0f", (1,)),
        ("葛\U000e0100城", "葛城", (0, 1)),
        ("a dog’s ball", "dog's", (1,)),
        ("a dog's ball", "dog", (1,)),
        ("a dog and a dog's ball", "dog", (1,)),
        ("a red‑hot ball", "red-hot", (1,)),
        ("a red-hot ball", "red‐hot", (1,)),
        ("two 🐱🐶", "🐶", (2,)),
        ("cat이 위에", "cat", (0,)),
        ("이 고양이", "이", (0,)),
        ("고양이가 잔디 위에", "고양이", (0,)),
        ("고양이는 고양이", "고양이", (1,)),
        ("一只小猫", "小猫", (2, 3)),
        ("a cat", "“cat”", (1,)),
    ],
)
def test_a_word_is_found_as_a_person_means_it(prompt: str, word: str, indices: tuple[int, ...]) -> None:
    assert prompts.find(prompt, word) == indices


@pytest.mark.parametrize("word", ["dog", "ca", "cats", "grass cat", "", "!"])
def test_a_word_that_is_not_there_is_an_error_that_names_those_that_are(word: str) -> None:
    with pytest.raises(prompts.UnknownWord) as caught:
        prompts.find("a cat on grass", word)

    assert (caught.value.word, caught.value.words) == (word, ("a", "cat", "on", "grass"))
