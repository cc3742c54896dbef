"""The benchmark of GPUs, rehearsed on a processor at tiny sizes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

import engine
from benchmarks.gpu import __main__ as program
from benchmarks.gpu import agreement, measuring
from benchmarks.gpu.agreement import Agreement
from benchmarks.gpu.architectures import Size, write
from benchmarks.gpu.measuring import BATCHES, Bench, Clock, Timing, in_turns, middle, works
from benchmarks.gpu.page import page

ROOT = Path(__file__).parents[2]
SIZES = ("tiny", "tiny-xl")
REHEARSAL = ["--device", "cpu", "--steps", "2", "--repeats", "1"]
REHEARSAL += [word for size in SIZES for word in ("--size", size)]


def run(*asked: str) -> Any:
    app = typer.Typer()
    app.command()(program.main)
    return CliRunner().invoke(app, [*REHEARSAL, *asked], catch_exceptions=False)


@pytest.mark.filterwarnings("ignore:`upcast_vae`:FutureWarning")  # diffusers' own pipeline calls it
def test_a_rehearsal_measures_everything_and_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "BATCHES", (1, 3))
    figures, markdown = tmp_path / "gpu.json", tmp_path / "gpu.md"
    result = run("--json", str(figures), "--markdown", str(markdown))
    assert result.exit_code == 0, result.output
    facts = json.loads(figures.read_text())
    assert [(one["inverter"], one["numbers"]) for one in facts["agreements"]] == [
        (inverter, numbers) for inverter in agreement.INVERTERS for numbers in agreement.NUMBERS
    ]
    assert all(one["agrees"] for one in facts["agreements"])
    works = ["prepare", "first edit", "repeated edit", "repeated edit, channels last"]
    works += ["diffusers' pipeline, one picture"]
    works += ["repeated edit, 3 targets"]
    assert [(one["size"], one["name"], one["dtype"]) for one in facts["timings"]] == [
        (size, work, dtype) for dtype in program.DTYPES for size in SIZES for work in works
    ]
    assert all(one["seconds"] > 0 for one in facts["timings"])
    assert facts["sides"] == {"tiny": 16, "tiny-xl": 16}
    for size in SIZES:
        costs = [one["milliseconds"] for one in facts["costs"] if one["size"] == size]
        assert len(costs) == 5
        assert costs == sorted(costs, reverse=True)
    assert facts["skipped"] == []
    assert markdown.read_text() == page(facts)
    assert "| repeated edit, 3 targets | bfloat16 |" in markdown.read_text()


def test_what_has_not_begun_when_the_time_is_up_is_named(tmp_path: Path) -> None:
    figures = tmp_path / "gpu.json"
    assert run("--json", str(figures), "--minutes", "0").exit_code == 0
    facts = json.loads(figures.read_text())
    assert facts["timings"] == facts["costs"] == []
    assert facts["skipped"] == [f"{size} in {dtype}" for dtype in program.DTYPES for size in SIZES]
    assert "tiny in float16; tiny-xl in float16; tiny in bfloat16" in page(facts)


def test_what_the_time_does_not_suffice_for_is_named_one_by_one(tmp_path: Path) -> None:
    write(Size.TINY, tmp_path)
    bench = Bench(tmp_path, "cpu", "float32", 2, Size.TINY)
    clock = Clock(seconds=100)
    begun = []
    for name, work in works(bench, 1, clock):
        begun.append((name, [one.name for one in work()]))
    assert begun[0] == ("prepare", ["prepare"])
    assert begun[1][1][:2] == ["first edit", "repeated edit"]
    assert [name for name, _ in begun[2:]] == [f"repeated edit, {targets} targets" for targets in BATCHES[1:]]
    over = in_turns(bench, 50, Clock(seconds=0))
    assert [one.name for one in over] == begun[1][1]


def test_what_does_not_fit_is_named_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self, *asked: Any) -> None:
            raise engine.OutOfMemory("no room")

    monkeypatch.setattr(program, "Bench", Full)
    monkeypatch.setattr(program, "agreements", lambda device, steps: [])
    figures = tmp_path / "gpu.json"
    assert run("--json", str(figures)).exit_code == 0
    facts = json.loads(figures.read_text())
    assert facts["skipped"][0] == "tiny in float16, which did not fit"
    assert len(facts["skipped"]) == len(SIZES) * len(program.DTYPES)


def test_pictures_that_differ_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*asked: Any) -> Image.Image:
        return Image.new("RGB", (64, 64), "white" if asked[-1] == "float32" else "black")

    monkeypatch.setattr(agreement, "edited", wrong)
    figures = tmp_path / "gpu.json"
    assert run("--json", str(figures), "--minutes", "0").exit_code == 1
    agrees = {one["numbers"]: one["agrees"] for one in json.loads(figures.read_text())["agreements"]}
    assert agrees == {"float32": True, "float32, TF32": True, "float16": False, "bfloat16": False}


@pytest.mark.parametrize(("largest", "agrees"), [(0, True), (1, True), (2, False)])
def test_in_float32_one_value_of_255_is_the_most(largest: int, agrees: bool) -> None:
    one = Agreement(inverter="ddim", numbers="float32", largest=largest, decibel=60.0)
    assert one.agrees is agrees


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_names_the_rehearsal(tmp_path: Path) -> None:
    result = run("--device", "cuda", "--json", str(tmp_path / "gpu.json"))
    assert result.exit_code == 2
    assert "--device cpu" in result.output


def test_what_does_not_fit_is_the_slowest() -> None:
    some = [
        Timing(size="tiny", name="a", dtype="float16", seconds=seconds, peak_bytes=0)
        for seconds in (None, 1.0, 2.0)
    ]
    assert middle(some).seconds == 2.0
    assert Clock(seconds=0).over


def test_the_page_in_the_docs_is_the_last_run_or_none() -> None:
    figures = ROOT / "docs" / "gpu.json"
    facts = json.loads(figures.read_text()) if figures.exists() else None
    assert (ROOT / "docs" / "gpu.md").read_text() == page(facts)
    assert "No figure exists yet" in page(None)
