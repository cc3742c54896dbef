"""Choosing what `auto` chooses."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import engine
from benchmarks.auto.candidates import candidates
from benchmarks.auto.tuning import (
    FIRST,
    PAIRS,
    Judges,
    Notes,
    Summary,
    Tried,
    Tuning,
    best,
    moved,
    pair_of,
    summaries,
)
from benchmarks.quality.bench import Bench, lexicon
from miniature.pairs import held_out_pairs
from miniature.recipe.data import HELD_OUT
from parameters import EDITS, INVERSIONS, Kind, compatible
from parameters.auto import USUAL
from prompts import change


@pytest.mark.parametrize("kind", PAIRS)
def test_tuning_edits_are_of_their_kind_and_no_held_out_ones(kind: Kind) -> None:
    for number in range(6):
        pair = pair_of(kind, number)
        assert pair.source.seed >= FIRST > HELD_OUT
        assert change(pair.source.caption, pair.target.caption, lexicon()).kind is kind
        assert pair == pair_of(kind, number)


@pytest.mark.parametrize("kind", PAIRS)
def test_every_candidate_can_be_asked_for(kind: Kind) -> None:
    for _, recipe in candidates(kind):
        edit = EDITS[recipe.method](**recipe.params)
        compatible(type(edit), INVERSIONS[recipe.inversion or USUAL])


@pytest.mark.parametrize("kind", PAIRS)
def test_the_true_edit_is_recognised_and_the_unchanged_picture_is_not(kind: Kind) -> None:
    judges, pairs = Judges.load(), [pair_of(kind, number) for number in range(4)]
    assert sum(judges.recognise(kind, pair, pair.truth) for pair in pairs) >= 3
    assert sum(judges.recognise(kind, pair, pair.image) for pair in pairs) <= 1


def test_a_hat_that_was_asked_for_must_be_there() -> None:
    judges = Judges.load()
    for pair in held_out_pairs("dress", 3, first=FIRST):
        assert judges.recognise(Kind.ADDED, pair, pair.truth)
        assert not judges.recognise(Kind.ADDED, pair, pair.image)


def test_what_was_tried_is_not_tried_again(models: engine.Backbone, tmp_path: Path) -> None:
    notes = Notes(tmp_path / "runs" / "some.jsonl")
    tuning = Tuning(bench=Bench(models=models, steps=1, lexicon=lexicon()), notes=notes)
    heard: list[Tried] = []
    tuning.run([Kind.STYLE], 1, heard.append)
    assert [one.candidate for one in heard] == [name for name, _ in candidates(Kind.STYLE)]
    assert list(notes.read()) == heard
    tuning.run([Kind.STYLE], 1, pytest.fail)
    notes.file.write_text(notes.file.read_text()[:-9])
    found = summaries(notes.read(), Kind.STYLE, 1)
    assert len(found) == len(heard) - 1
    assert {one.candidate: one.truth for one in found} == {one.candidate: one.truth for one in heard[:-1]}


def test_the_nearest_to_the_truth_is_chosen_among_those_that_are_right() -> None:
    def fares(right: float, truth: float) -> Summary:
        return Summary(candidate="", edits=20, right=right, outside=None, truth=truth)

    unchanged, good, worse = fares(10, 30), fares(87, 22), fares(90, 20)
    assert best([unchanged, worse, good]) is good


def test_an_edit_that_goes_half_the_way_is_not_right() -> None:
    pair = pair_of(Kind.COLOUR, 0)
    half = Image.blend(pair.image, pair.truth, 0.4)
    assert [moved(pair, one) for one in (pair.image, pair.truth)] == [0.0, 1.0]
    assert moved(pair, half) == pytest.approx(0.4, abs=0.01)
    tried = {"kind": "colour", "number": 0, "candidate": "", "recipe": "", "outside": None, "truth": 20.0}
    assert not Tried(**tried, recognised=True, moved=0.4).right
    assert not Tried(**tried, recognised=False, moved=0.9).right
    assert Tried(**tried, recognised=True, moved=0.9).right
