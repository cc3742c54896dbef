"""Words to tokens, and the tokens of one prompt to another's, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTokenizer

import prompts
from engine import alignment
from engine.alignment import Tokens
from engine.errors import PromptsDoNotAlign, PromptTooLong, UnknownWord

LIMIT = 24


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return CLIPTokenizer.from_pretrained(folder / "tokenizer")


def tokens(tokenizer: Any, prompt: str) -> Tokens:
    return alignment.tokenize(tokenizer, prompt, LIMIT)


@pytest.mark.parametrize(
    ("prompt", "spans", "end"),
    [
        ("a cat on grass", [1, 2, 3, 4], 5),
        ("A Cat, on GRASS!", [1, 2, 4, 5], 7),
        ("a fox on grass", [1, (2, 3, 4), 5, 6], 7),
        ("a cat's ball", [1, (2, 3, 4), 5], 6),
        ("a red-ball", [1, (2, 3, 4)], 5),
        ("cafe\u0301 on", [(1, 2, 3, 4), 5], 6),
        ("caf\u00e9 on", [(1, 2, 3, 4), 5], 6),
        ("a 고 on", [1, (2, 3, 4), 5], 6),
        ("小猫 on", [(1, 2, 3), (4, 5, 6), 7], 8),
        ("", [], 1),
    ],
)
def test_every_token_belongs_to_its_word(
    tokenizer: Any, prompt: str, spans: list[int | tuple[int, ...]], end: int
) -> None:
    found = tokens(tokenizer, prompt)

    assert found.spans == tuple((span,) if isinstance(span, int) else span for span in spans)
    assert found.end == end
    assert found.ids == tuple(tokenizer(prompt, padding="max_length", max_length=LIMIT)["input_ids"])


def test_positions_of_repeated_words_and_phrases(tokenizer: Any) -> None:
    prompt = tokens(tokenizer, "a cat on a red ball, a Cat")

    assert prompt.positions("cat") == (2, 9)
    assert prompt.positions("red ball") == (5, 6)
    with pytest.raises(UnknownWord) as caught:
        prompt.positions("dog")
    assert caught.value.words == ["a", "cat", "on", "a", "red", "ball", "a", "Cat"]


def test_a_prompt_that_does_not_fit_names_tokens_and_limit(tokenizer: Any) -> None:
    alignment.tokenize(tokenizer, "cat " * 22, LIMIT)
    with pytest.raises(PromptTooLong) as caught:
        alignment.tokenize(tokenizer, "cat " * 23, LIMIT)
    assert (caught.value.tokens, caught.value.limit) == (25, 24)


REPLACEMENTS = [
    ("a cat on grass", "a dog on grass", {2: {2: 1}, 3: {3: 1}, 4: {4: 1}, 5: {5: 1}, 6: {6: 1}}),
    (
        "a cat on grass",
        "a fox on grass",
        {2: {2: 1 / 3, 3: 1 / 3, 4: 1 / 3}, 5: {7: 1}, 6: {8: 1}, 23: {23: 1}},
    ),
    (
        "a fox on grass",
        "a cat on grass",
        {2: {2: 1}, 4: {2: 1}, 5: {3: 1}, 7: {5: 1}, 8: {6: 1}, 23: {21: 1}},
    ),
    (
        "a fox on",
        "a bird on",
        {2: dict.fromkeys(range(2, 6), 1 / 4), 4: dict.fromkeys(range(2, 6), 1 / 4), 5: {6: 1}},
    ),
    ("a fox on", "a lit on", {2: {2: 1}, 3: {3: 1}, 4: {4: 1}}),
    ("a cat, on grass", "a dog on grass", {2: {2: 1}, 3: {2: 1}, 4: {3: 1}, 5: {4: 1}}),
    ("a cat on grass", "a dog, on grass!", {2: {2: 1}, 3: {4: 1}, 4: {5: 1}, 5: {7: 1}}),
    ("a cat", "고 cat", {0: {0: 1}, 1: {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}, 2: {4: 1}}),
    ("A CAT", "a cat", {1: {1: 1}, 2: {2: 1}}),
]


@pytest.mark.parametrize(("source", "target", "expected"), REPLACEMENTS, ids=lambda value: str(value)[:16])
def test_a_replacement_moves_all_attention_to_the_word_in_its_place(
    tokenizer: Any, source: str, target: str, expected: dict[int, dict[int, float]]
) -> None:
    aligned = alignment.replace(tokens(tokenizer, source), tokens(tokenizer, target))

    for row, columns in expected.items():
        there = {
            at: float(aligned.projection[row, at]) for at in aligned.projection[row].nonzero()[:, 0].tolist()
        }
        assert there == pytest.approx(columns)
    torch.testing.assert_close(aligned.projection.sum(1), torch.ones(LIMIT))
    assert aligned.inherited.eq(1).all()


@pytest.mark.parametrize(("phrase", "positions"), [("cat", (2,)), ("cat's", (2, 3, 4)), ("ball", (5,))])
def test_a_possessive_names_the_tokens_of_its_own_word(
    tokenizer: Any, phrase: str, positions: tuple[int, ...]
) -> None:
    assert tokens(tokenizer, "a cat's ball").positions(phrase) == positions


def test_a_replacement_by_the_same_prompt_changes_nothing(tokenizer: Any) -> None:
    same = tokens(tokenizer, "a red fox, on grass!")

    assert torch.equal(alignment.replace(same, same).projection, torch.eye(LIMIT))


def test_a_token_that_two_words_share_gives_its_attention_once() -> None:
    words = prompts.words("小猫")
    shared = {
        "prompt": "小猫",
        "words": words,
        "ids": (9, 1, 2, 3, 8, 8),
        "end": 4,
        "starts": (0, 0, 0, 1, 2),
    }
    source = Tokens(spans=((1, 2), (2, 3)), **shared)  # type: ignore[arg-type]
    target = Tokens(spans=((1, 2), (3,)), **shared)  # type: ignore[arg-type]

    torch.testing.assert_close(alignment.replace(source, target).projection.sum(1), torch.ones(6))


def test_a_replacement_of_another_number_of_words_is_refused(tokenizer: Any) -> None:
    with pytest.raises(PromptsDoNotAlign, match="refine"):
        alignment.replace(tokens(tokenizer, "a cat"), tokens(tokenizer, "a red cat"))


REFINEMENTS = [
    ("a cat on grass", "a red cat on grass", {1: 1, 3: 2, 4: 3, 5: 4, 6: 5}, [2]),
    ("a red cat on grass", "a cat on grass", {1: 1, 2: 3, 3: 4, 4: 5, 5: 6}, []),
    ("a cat", "a cat, on grass", {1: 1, 2: 2, 6: 3}, [3, 4, 5]),
    ("a cat", "a dog on a cat", {4: 1, 5: 2, 6: 3}, [1, 2, 3]),
    ("a ball", "a bald ball", {1: 1, 5: 2, 6: 3}, [2, 3, 4]),
    ("a cat on grass", "A Cat on GRASS!", {1: 1, 2: 2, 3: 3, 4: 4, 6: 5}, [5]),
    ("고 on grass", "a 고 on grass", {2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6}, [1]),
]


@pytest.mark.parametrize(("source", "target", "kept", "new"), REFINEMENTS, ids=lambda value: str(value)[:16])
def test_a_refinement_keeps_what_is_shared_and_leaves_what_is_new_alone(
    tokenizer: Any, source: str, target: str, kept: dict[int, int], new: list[int]
) -> None:
    before, after = tokens(tokenizer, source), tokens(tokenizer, target)

    aligned = alignment.refine(before, after)

    sources = {
        at: aligned.projection[:, at].nonzero()[:, 0].tolist()
        for at in range(after.end + 1)
        if aligned.inherited[at]
    }
    assert sources == {0: [0]} | {at: [was] for at, was in kept.items()}
    assert [at for at in range(after.end + 1) if not aligned.inherited[at]] == new
    padding = aligned.projection[before.end + 1 :, after.end + 1 :]
    assert torch.equal(padding, torch.eye(*padding.shape))


@pytest.mark.parametrize(
    ("source", "target", "swap"),
    [
        ("a cat on grass", "a dog on grass", True),
        ("a cat", "a cat", True),
        ("a cat and a dog", "a dog and a cat", True),
        ("a cat on grass", "cat sitting on grass", False),
        ("a cat", "a red cat", False),
    ],
)
def test_a_word_swap_is_told_from_a_refinement(tokenizer: Any, source: str, target: str, swap: bool) -> None:
    assert alignment.is_word_swap(tokens(tokenizer, source), tokens(tokenizer, target)) is swap
