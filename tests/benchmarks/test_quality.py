"""A run over one pair of each kind, kept, gone on with, and written up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

import engine
from benchmarks.quality import running
from benchmarks.quality.cases import INVERTERS, METHODS, Case, cases
from benchmarks.quality.ledger import CEILING, Ledger, Row
from benchmarks.quality.measuring import Measures, ceiling
from benchmarks.quality.report import _common, write
from benchmarks.quality.tables import WAYS, lines
from miniature import WEIGHTS
from miniature.pairs import KINDS
from miniature.recipe.package import load_judge

STEPS = 2


@pytest.fixture(scope="module")
def critic() -> nn.Module:
    return load_judge(WEIGHTS)


@pytest.fixture(scope="module")
def some() -> list[Case]:
    return list(cases(4))


@pytest.fixture(scope="module")
def filled(
    models: engine.Backbone, critic: nn.Module, some: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> Ledger:
    """One pair of each kind, in two shards."""
    ledger = Ledger(tmp_path_factory.mktemp("quality"))
    for part in range(2):
        running.run(
            models,
            critic,
            some[part::2],
            ledger,
            steps=STEPS,
            shard=f"{part}of2",
            inverters=["direct"],
            tell=lambda text: None,
        )
    return ledger


def row(number: int, truth: float | None, *, recognised: bool = True, kind: str = "style") -> Row:
    measures = Measures(
        reconstruction=20, outside_psnr=None, outside_ssim=None, truth=truth, recognised=recognised
    )
    return Row(number=number, kind=kind, inverter="direct", method="p2p", measures=measures)


def test_cases_go_round_the_kinds() -> None:
    twelve = cases(12)
    assert Counter(case.kind for case in twelve) == dict.fromkeys(KINDS, 3)
    assert [case.number for case in twelve] == list(range(12))
    assert [case.pair for case in cases(5)] == [case.pair for case in twelve[:5]]


@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_edit_can_be_asked_for(some: list[Case], method: str) -> None:
    blends = [case.edit(method, {"tau_c": 0.25}).method for case in some]
    assert all(blend.tau_c == 0.25 for blend in blends)
    thing = some[2].pair.source.things[0].object
    assert [blend.subtract_words for blend in blends] == [(), (), (thing,), ()]
    assert [bool(blend.blend_words) for blend in blends] == [True, True, False, False]


def test_the_ways_of_the_report_are_known() -> None:
    assert set(INVERTERS) <= set(engine.INVERTERS)
    assert set(METHODS) <= set(engine.METHODS)


def test_every_pair_is_measured_once(filled: Ledger) -> None:
    rows = filled.rows()
    ways = Counter((one.inverter, one.method) for one in rows)
    assert ways == {(CEILING, CEILING): 4, ("direct", "p2p"): 4, ("direct", "p2plus"): 4}
    assert {path.name for path in filled.folder.glob("*.jsonl")} == {"0of2.jsonl", "1of2.jsonl"}
    assert all(filled.picture(one).is_file() for one in rows if one.inverter != CEILING)


def test_what_is_there_is_not_done_again(
    models: engine.Backbone,
    critic: nn.Module,
    some: list[Case],
    filled: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "invert", None)
    before = len(filled.rows())
    running.run(
        models, critic, some, filled, steps=STEPS, shard="1of2", inverters=["direct"], tell=lambda text: None
    )
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
        assert [line.split(" | ")[1] for line in table[2:]] == ["*the true edit*", "p2p", "p2plus"]
    pictures = sorted(path.name for path in (tmp_path / "docs" / "images" / "quality").iterdir())
    assert pictures == [f"direct-{method}-{rank}.png" for method in METHODS for rank in ("median", "worst")]
    assert all(f"(images/quality/{name})" in text for name in pictures)


def test_no_edit_of_a_latent_does_better_than_the_autoencoder(
    models: engine.Backbone, critic: nn.Module, some: list[Case]
) -> None:
    best = ceiling(models, critic, some[0])
    assert best.truth is not None
    assert 20 < best.truth < 50
    assert best.recognised


def test_means_leave_out_what_is_not_there() -> None:
    (line,) = lines([row(0, 10.0), row(1, 20.0, recognised=False), row(2, None)])
    assert (line.truth, line.outside_psnr, line.pairs) == (15.0, None, 3)
    assert line.recognised == pytest.approx(200 / 3)
    assert lines([row(0, 10.0)], "object") == []


def test_the_edits_tried_in_every_way_have_a_table_of_their_own() -> None:
    ways = [way for way in WAYS for _ in range(2)]
    rows = [
        replace(row(number % 2, 20.0 + number % 2), inverter=inverter, method=method)
        for number, (inverter, method) in enumerate(ways)
    ]
    assert _common(rows) == ""
    assert _common(rows[:-2]) == ""
    table = _common(rows[:-1])
    assert "The 1 edits" in table
    assert "21.00" not in table
