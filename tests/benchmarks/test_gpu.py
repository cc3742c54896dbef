"""The benchmark of GPUs, rehearsed on a processor at tiny sizes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from benchmarks.gpu import __main__ as program
from benchmarks.gpu import agreement
from benchmarks.gpu.agreement import Agreement
from benchmarks.gpu.measuring import BATCHES, Clock, Timing, middle
from benchmarks.gpu.page import page

ROOT = Path(__file__).parents[2]
REHEARSAL = ["--device", "cpu", "--size", "tiny", "--steps", "2", "--repeats", "1"]


def run(*asked: str) -> Any:
    app = typer.Typer()
    app.command()(program.main)
    return CliRunner().invoke(app, [*REHEARSAL, *asked])


def test_a_rehearsal_measures_everything_and_writes_the_page(tmp_path: Path) -> None:
    figures, markdown = tmp_path / "gpu.json", tmp_path / "gpu.md"
    result = run("--json", str(figures), "--markdown", str(markdown))
    assert result.exit_code == 0, result.output
    facts = json.loads(figures.read_text())
    assert [(one["inverter"], one["dtype"]) for one in facts["agreements"]] == [
        (inverter, dtype) for inverter in agreement.INVERTERS for dtype in agreement.LEAST
    ]
    assert all(one["agrees"] for one in facts["agreements"])
    works = ["prepare", "first edit", "repeated edit", "diffusers' pipeline, one picture"]
    works += [f"repeated edit, {targets} targets" for targets in BATCHES[1:]]
    assert [(one["name"], one["dtype"]) for one in facts["timings"]] == [
        (work, dtype) for dtype in program.DTYPES for work in works
    ]
    assert all(one["seconds"] > 0 for one in facts["timings"])
    assert len(facts["costs"]) == 5
    assert facts["costs"] == sorted(facts["costs"], key=lambda one: -one["milliseconds"])
    assert facts["skipped"] == []
    assert markdown.read_text() == page(facts)
    assert "| repeated edit, 16 targets | bfloat16 |" in markdown.read_text()


def test_what_has_not_begun_when_the_time_is_up_is_named(tmp_path: Path) -> None:
    figures = tmp_path / "gpu.json"
    assert run("--json", str(figures), "--minutes", "0").exit_code == 0
    facts = json.loads(figures.read_text())
    assert facts["timings"] == facts["costs"] == []
    assert facts["skipped"] == list(program.DTYPES)
    assert "float16, bfloat16, float32" in page(facts)


def test_pictures_that_differ_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*asked: Any) -> Image.Image:
        return Image.new("RGB", (64, 64), "white" if asked[-1] == "float32" else "black")

    monkeypatch.setattr(agreement, "edited", wrong)
    figures = tmp_path / "gpu.json"
    assert run("--json", str(figures), "--minutes", "0").exit_code == 1
    agrees = {one["dtype"]: one["agrees"] for one in json.loads(figures.read_text())["agreements"]}
    assert agrees == {"float32": True, "float16": False, "bfloat16": False}


@pytest.mark.parametrize(("largest", "agrees"), [(0, True), (1, True), (2, False)])
def test_in_float32_one_value_of_255_is_the_most(largest: int, agrees: bool) -> None:
    one = Agreement(inverter="ddim", dtype="float32", largest=largest, decibel=60.0)
    assert one.agrees is agrees


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_names_the_rehearsal(tmp_path: Path) -> None:
    result = run("--device", "cuda", "--json", str(tmp_path / "gpu.json"))
    assert result.exit_code == 2
    assert "--device cpu" in result.output


def test_what_does_not_fit_is_the_slowest() -> None:
    some = [Timing(name="a", dtype="float16", seconds=seconds, peak_bytes=0) for seconds in (None, 1.0, 2.0)]
    assert middle(some).seconds == 2.0
    assert Clock(seconds=0).over


def test_the_page_in_the_docs_is_the_last_run_or_none() -> None:
    figures = ROOT / "docs" / "gpu.json"
    facts = json.loads(figures.read_text()) if figures.exists() else None
    assert (ROOT / "docs" / "gpu.md").read_text() == page(facts)
    assert "No figure exists yet" in page(None)
