"""Which words two prompts share."""

import itertools
import random

import pytest

import prompts


@pytest.mark.parametrize(
    ("source", "target", "gone", "new"),
    [
        ("a cat on grass", "a dog on grass", [1], [1]),
        ("a cat on grass", "A CAT, on grass!", [], []),
        ("a cat", "a fluffy cat", [], [1]),
        ("a fluffy cat", "a cat", [1], []),
        ("a cat", "a dog and a cat", [], [0, 1, 2]),
        ("a red ball and a ball", "a red ball", [3, 4, 5], []),
        ("a red ball and a blue box", "a blue ball and a red box", [1, 5], [1, 5]),
        ("", "a cat", [], [0, 1]),
    ],
)
def test_changed_names_the_words_that_go_and_come(
    source: str, target: str, gone: list[int], new: list[int]
) -> None:
    changes = prompts.changed(source, target)

    assert (list(changes.gone), list(changes.new)) == (gone, new)
    assert len(changes.kept) == len(prompts.words(source)) - len(gone)


def test_common_keeps_as_much_as_can_be_kept_and_as_connected_as_can_be() -> None:
    draw = random.Random(0)
    for _ in range(200):
        source, target = ("".join(draw.choices("abc", k=draw.randint(0, 5))) for _ in range(2))

        pairs = prompts.common(source, target)

        assert all(source[i] == target[j] for i, j in pairs)
        assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))
        assert (len(pairs), adjoining(pairs)) == best_by_trying_all(source, target)


def adjoining(pairs: tuple[tuple[int, int], ...]) -> int:
    return sum((a + 1, b + 1) == pair for (a, b), pair in itertools.pairwise(pairs))


def best_by_trying_all(source: str, target: str) -> tuple[int, int]:
    return max(
        (size, adjoining(tuple(zip(mine, yours, strict=True))))
        for size in range(min(len(source), len(target)) + 1)
        for mine in itertools.combinations(range(len(source)), size)
        for yours in itertools.combinations(range(len(target)), size)
        if all(source[i] == target[j] for i, j in zip(mine, yours, strict=True))
    )
