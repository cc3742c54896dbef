"""Two packages are compared by pairs, and a package with itself does not differ."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from miniature import WEIGHTS, compare
from miniature.wider import LAYOUTS


def test_a_difference_is_paired_and_has_an_interval() -> None:
    before = [True] * 50 + [False] * 50
    better = compare.difference("plain", "object", before, [True] * 80 + [False] * 20)
    assert (better.before, better.after) == (50, 80)
    assert 20 < better.low < 30 < better.high < 40
    assert better.verdict == "better"
    worse = compare.difference("plain", "object", before, [True] * 20 + [False] * 80)
    assert worse.verdict == "worse"
    even = compare.difference("plain", "object", before, before[::-1])
    assert even.low < 0 < even.high
    assert even.verdict == ""


def test_a_package_does_not_differ_from_itself(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(compare.main)
    figures = tmp_path / "figures.json"
    asked = [str(WEIGHTS), "--plain", "2", "--each", "1", "--steps", "2", "--json", str(figures)]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = json.loads(figures.read_text())
    assert {row["scenes"] for row in rows} == {"plain", *LAYOUTS}
    assert all((row["before"], row["low"], row["high"]) == (row["after"], 0, 0) for row in rows)
    assert {row["attribute"] for row in rows} >= {"object", "background", "style", "count", "accessory"}
