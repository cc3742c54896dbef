"""A run over one pair of each kind, kept, gone on with, and written up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from torch import nn

import engine
from benchmarks.quality import running
from benchmarks.quality.bench import Bench, lexicon
from benchmarks.quality.cases import Case, cases
from benchmarks.quality.ledger import CEILING, FLOOR, Ledger, Row
from benchmarks.quality.measuring import Measures, ceiling
from benchmarks.quality.report import write
from benchmarks.quality.rows import AUTO, ROWS, digest, rows
from benchmarks.quality.tables import current, lines
from miniature import WEIGHTS
from miniature.pairs import KINDS
from miniature.recipe.package import load_judge
from parameters import EDITS, INVERSIONS, compatible
from parameters.auto import USUAL

STEPS = 2
NAMES = ("direct, p2p .2/.8", AUTO)


@pytest.fixture(scope="module")
def critic() -> nn.Module:
    return load_judge(WEIGHTS)


@pytest.fixture(scope="module")
def some() -> list[Case]:
    return list(cases(4))


def measured(
    models: engine.Backbone,
    critic: nn.Module,
    some: list[Case],
    ledger: Ledger,
    names: tuple[str, ...],
    part: int,
) -> None:
    running.run(
        Bench(models=models, steps=STEPS, lexicon=lexicon()),
        critic,
        some,
        ledger,
        rows={name: rows()[name] for name in names},
        shard=f"{part}of2",
        tell=lambda text: None,
    )


@pytest.fixture(scope="module")
def filled(
    models: engine.Backbone, critic: nn.Module, some: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Ledger:
    """One pair of each kind, in two shards."""
    ledger = Ledger(tmp_path_factory.mktemp("quality"))
    for part in range(2):
        measured(models, critic, some[part::2], ledger, NAMES, part)
    return ledger


def row(number: int, truth: float, *, recognised: bool = True, name: str = AUTO) -> Row:
    measures = Measures(
        reconstruction=20,
        model_outside=None,
        model_truth=truth,
        outside_psnr=None,
        outside_ssim=None,
        truth=truth,
        recognised=recognised,
    )
    return Row(number=number, kind="style", name=name, digest=digest(rows()[name]), measures=measures)


def test_cases_go_round_the_kinds() -> None:
    twelve = cases(12)
    assert Counter(case.kind for case in twelve) == dict.fromkeys(KINDS, 3)
    assert [case.number for case in twelve] == list(range(12))
    assert [case.pair for case in cases(5)] == [case.pair for case in twelve[:5]]


@pytest.mark.parametrize("method", ["p2p", "p2plus"])
def test_the_prompts_alone_say_where_an_edit_may_change_the_picture(some: list[Case], method: str) -> None:
    asked = [case.edit(method, {"tau_c": 0.25}).method for case in some]
    assert all(params.tau_c == 0.25 for params in asked)
    things = [case.pair.source.things[0].object for case in some]
    assert [params.blend_words for params in asked] == ["changed", (things[1],), None, None]
    assert [params.subtract_words for params in asked] == [(), (), (things[2],), ()]


def test_every_row_can_be_asked_for() -> None:
    for table in rows().values():
        for recipe in table.values():
            edit = EDITS[recipe.method](**recipe.params)
            compatible(type(edit), INVERSIONS[recipe.inversion or USUAL])
    assert len({digest(table) for table in ROWS.values()}) == len(ROWS)


def test_every_pair_is_measured_once(filled: Ledger) -> None:
    found = filled.rows()
    assert Counter(one.name for one in found) == dict.fromkeys((CEILING, FLOOR, *NAMES), 4)
    assert {path.name for path in filled.folder.glob("*.jsonl")} == {"0of2.jsonl", "1of2.jsonl"}
    ours = [one for one in found if one.name in NAMES]
    assert all(filled.picture(one).is_file() for one in ours)
    assert all(one.invert_rows == STEPS or one.invert_rows == 2 * STEPS for one in ours)
    assert all(one.edit_rows >= 2 * STEPS for one in ours)


def test_what_is_there_is_not_done_again(
    models: engine.Backbone,
    critic: nn.Module,
    some: list[Case],
    filled: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "invert", None)
    before = len(filled.rows())
    measured(models, critic, some, filled, NAMES, 1)
    assert len(filled.rows()) == before


def test_a_line_that_was_cut_off_is_not_there(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add("0of1", row(1, 20.0))
    ledger.add("0of1", row(2, 20.0))
    file = tmp_path / "0of1.jsonl"
    file.write_text(file.read_text()[:-30])
    assert [one.number for one in ledger.rows()] == [1]
    ledger.add("0of1", row(2, 20.0))
    assert [one.number for one in ledger.rows()] == [1, 2]


def test_the_report_has_every_row_and_picture(
    models: engine.Backbone, some: list[Case], filled: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "docs" / "quality.md"
    write(models, some, filled, file, STEPS)
    text = file.read_text()
    assert "4 edits" in text
    for heading in ("## All kinds", *(f"## {kind.capitalize()}" for kind in KINDS)):
        table = text.partition(f"{heading}\n\n")[2].partition("\n\n")[0].splitlines()
        first = [line.split(" | ")[0].removeprefix("| ") for line in table[2:]]
        assert first == ["*the true edit, through the autoencoder*", "*the picture unchanged*", *NAMES]
    pictures = sorted(path.name for path in (tmp_path / "docs" / "images" / "quality").iterdir())
    assert pictures == [f"auto-{case.number:04d}.png" for case in some]
    assert all(f"(images/quality/{name})" in text for name in pictures)


def test_no_edit_of_a_latent_does_better_than_the_autoencoder(
    models: engine.Backbone, critic: nn.Module, some: list[Case]
) -> None:
    best = ceiling(models, critic, some[0])
    assert best.truth is not None
    assert 20 < best.truth < 50
    assert best.recognised


def test_means_leave_out_what_is_not_there() -> None:
    (line,) = lines([row(0, 10.0), row(1, 20.0, recognised=False)])
    assert line.truth is not None
    assert line.recognised is not None
    assert (line.truth.value, line.outside, line.edits) == (15.0, None, 2)
    assert 10 <= line.truth.low < 15 < line.truth.high <= 20
    assert line.recognised.value == 50
    assert lines([row(0, 10.0)], "object") == []


def test_what_was_measured_with_other_recipes_is_left_out() -> None:
    now, before = row(0, 10.0), Row(**{**vars(row(1, 20.0)), "digest": "other"})
    bound = Row(**{**vars(row(2, 30.0)), "name": FLOOR, "digest": ""})
    assert current([now, before, bound]) == [bound, now]
