"""Choosing what `auto` chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    pair_of,
    summaries,
)
from benchmarks.quality.bench import Bench, lexicon
from miniature.recipe.data import HELD_OUT
from parameters import EDITS, INVERSIONS, Kind, compatible
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
        compatible(type(edit), INVERSIONS[recipe.inversion or "direct"])


@pytest.mark.parametrize("kind", PAIRS)
def test_the_true_edit_is_recognised_and_the_unchanged_picture_is_not(kind: Kind) -> None:
    judges, pairs = Judges.load(), [pair_of(kind, number) for number in range(4)]
    assert sum(judges.recognise(kind, pair, pair.truth) for pair in pairs) >= 3
    assert sum(judges.recognise(kind, pair, pair.image) for pair in pairs) <= 1


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


def test_the_nearest_to_the_truth_is_chosen_among_those_that_are_recognised() -> None:
    def fares(recognised: float, truth: float, scale: float | None = None) -> Summary:
        return Summary(candidate="", edits=20, recognised=recognised, outside=None, truth=truth, scale=scale)

    unchanged, good, worse = fares(10, 30), fares(87, 22), fares(90, 20)
    assert best([unchanged, worse, good], 3.0) is good
    stronger, strongest = fares(87, 21.6, 4.0), fares(90, 20.5, 5.0)
    assert best([unchanged, stronger, good, strongest], 3.0) is stronger
    assert best([unchanged, stronger, good, strongest], 7.5) is good
    closed = Summary(candidate="", edits=20, recognised=90, outside=None, truth=21.9, scale=4.0, opens=0.5)
    assert best([closed, stronger, good], 3.0) is stronger
