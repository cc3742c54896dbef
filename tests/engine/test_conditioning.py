"""Conditioning: rows are concatenated, selected and mixed, and their keys differ where their contents do."""

from __future__ import annotations

import pytest
import torch

from engine.conditioning import Conditioning, Reading


def some(*keys: str, seed: int = 0) -> Conditioning:
    """A row for each key, with a text of its own, a pooled vector and ids."""
    generator = torch.Generator().manual_seed(seed)
    rows = len(keys)
    return Conditioning(
        keys=keys,
        context=torch.randn(rows, 5, 3, generator=generator),
        vectors={
            "pooled": torch.randn(rows, 7, generator=generator),
            "ids": torch.randn(rows, 2, 2, generator=generator),
        },
    )


def assert_same(one: Conditioning, other: Conditioning) -> None:
    assert one.keys == other.keys
    assert torch.equal(one.context, other.context)
    assert one.vectors.keys() == other.vectors.keys()
    assert all(torch.equal(vector, other.vectors[name]) for name, vector in one.vectors.items())


def test_rows_of_what_was_put_together_are_the_parts() -> None:
    one, other = some("a", "b"), some("c", seed=1)

    whole = Conditioning.cat([one, other])

    assert (len(whole), whole.keys) == (3, ("a", "b", "c"))
    assert_same(whole.rows([0, 1]), one)
    assert_same(whole.rows([2]), other)
    assert_same(Conditioning.cat([one]), one)


def test_rows_may_be_repeated_and_reordered() -> None:
    whole = some("a", "b", "c")

    taken = whole.rows([2, 0, 2])

    assert taken.keys == ("c", "a", "c")
    assert_same(taken.rows([1]), whole.rows([0]))
    assert_same(taken.rows([0]), taken.rows([2]))


def test_a_mix_goes_from_the_other_to_this() -> None:
    one, other = some("a", "b"), some("c", "d", seed=1)

    for eta, whole in ((1.0, one), (0.0, other)):
        mixed = one.mix(other, eta)
        torch.testing.assert_close(mixed.context, whole.context)
        for name, vector in whole.vectors.items():
            torch.testing.assert_close(mixed.vectors[name], vector)
    third = one.mix(other, 0.3)
    torch.testing.assert_close(third.context, 0.3 * one.context + 0.7 * other.context)


def test_contents_that_differ_have_keys_that_differ() -> None:
    one, other = some("a"), some("b", seed=1)
    contents = [
        one,
        other,
        one.mix(other, 0.5),
        one.mix(other, 0.25),
        other.mix(one, 0.25),
        one.with_context(other.context, "learned"),
    ]

    assert len({each.keys for each in contents}) == len(contents)
    assert one.mix(other, 0.5).keys == some("a").mix(some("b", seed=1), 0.5).keys


def test_another_text_leaves_all_else_and_is_cast_and_spread_over_the_rows() -> None:
    one = some("a", "b")
    text = torch.randn(1, 4, 3, dtype=torch.float64)

    found = one.with_context(text, "learned")

    assert (len(found), found.keys, found.context.dtype) == (2, ("learned", "learned"), torch.float32)
    assert torch.equal(found.context, text.float().expand(2, -1, -1))
    assert found.vectors == one.vectors


class Reader:
    """Reads prompts, and counts."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning:
        self.prompts.append(prompt)
        return some(f"{prompt} at {size}")


def test_prompts_are_read_when_they_are_first_asked_for_and_once() -> None:
    reader = Reader()

    reading = Reading(reader, (8, 12), {"cond": "a cat", "uncond": ""})

    assert (list(reading), len(reading), reader.prompts) == (["cond", "uncond"], 2, [])
    assert reading["cond"] is reading["cond"]
    assert (reading["cond"].keys, reader.prompts) == (("a cat at (8, 12)",), ["a cat"])
    with pytest.raises(KeyError):
        reading["negative"]
