from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import engine
from benchmarks.fullres.edits import Large, working
from benchmarks.fullres.measuring import interval, measure, perfect
from benchmarks.fullres.report import table
from benchmarks.fullres.small import measure_small, small_table, small_words, smalls
from benchmarks.quality.cases import cases

GRAINED_COLOUR = 5
BLUE_FLOWER = 9


@pytest.fixture(scope="module")
def large() -> Large:
    (case,) = (case for case in cases(8) if case.number == GRAINED_COLOUR)
    return Large(case=case)


def test_a_large_case_is_its_pair_at_four_times_the_size(large: Large) -> None:
    assert large.grain > 0
    assert large.original.size == large.truth.size == (256, 256)
    kept = ~large.changed
    assert (np.asarray(large.original)[kept] == np.asarray(large.truth)[kept]).all()


def test_an_edit_is_made_once_and_kept(models: engine.Backbone, large: Large, tmp_path: Path) -> None:
    first = working(models, large, tmp_path, steps=2)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = working(models, large, tmp_path, steps=2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert again.edit.tobytes() == first.edit.tobytes()
    assert first.mask is not None


def test_the_true_edit_is_closer_applied_than_enlarged(models: engine.Backbone, large: Large) -> None:
    row = measure(large, perfect(models, large))
    assert row.leaked == 0
    assert row.applied.outside is not None
    assert row.enlarged.outside is not None
    assert row.applied.outside > row.enlarged.outside + 4
    assert row.applied.whole > row.enlarged.whole + 1
    assert "| **colour** | 1 |" in table([row])


def test_an_interval_holds_the_mean_and_narrows_with_more_cases() -> None:
    values = np.random.default_rng(1).normal(2, 1, 400)
    few, many = interval(list(values[:16])), interval(list(values))
    assert many[1] < 2 < many[2]
    assert many[2] - many[1] < few[2] - few[1]


def test_a_small_thing_is_better_edited_in_its_region(models: engine.Backbone) -> None:
    (small,) = (each for each in smalls(8) if each.case.number == BLUE_FLOWER)
    assert small.original.size == (512, 512)
    assert small.changed.mean() < 0.05
    row = measure_small(models, small, steps=8)
    assert row.leaked == 0
    assert row.found is not None
    assert row.found > 0.95
    for way in ("auto", "exact"):
        assert row.close[way].whole > row.close["whole"].whole + 2
        assert row.close[way].inside > row.close["whole"].inside + 0.5
    assert "| colour | 1 |" in small_table([row])
    assert "1 of these regions hold" in small_words([row])


def test_the_most_that_can_be_gained_is_what_the_inside_leaves(models: engine.Backbone, large: Large) -> None:
    row = measure(large, perfect(models, large))
    assert row.applied.whole - row.enlarged.whole < row.most
