"""``python -m benchmarks.fullres``: measure edits at four times the model's size, and write docs/fullres.md.

The model's edits are kept in runs/fullres, so that only the first run takes minutes.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

import engine
from benchmarks.fullres.edits import Large, edits_folder, working
from benchmarks.fullres.measuring import measure, perfect
from benchmarks.fullres.report import table, write
from benchmarks.fullres.small import measure_small, small_table, small_words, smalls
from benchmarks.quality.cases import cases
from miniature.printing import open_console


def main(
    pairs: Annotated[int, typer.Option(help="How many edits, over four kinds in turn.")] = 64,
    small: Annotated[int, typer.Option(help="How many edits of small things, over two kinds in turn.")] = 16,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    runs: Annotated[Path, typer.Option(help="Where the model's edits are kept.")] = Path("runs/fullres"),
    out: Annotated[Path, typer.Option(help="The report.")] = Path("docs/fullres.md"),
) -> None:
    """Make the edits that are not there yet, measure all of them, write the report and print its tables."""
    models = engine.load("miniature")
    folder = edits_folder(runs, models, steps)
    larges = [Large(case=case) for case in cases(pairs)]
    made = [working(models, large, folder, steps=steps) for large in track(larges, "editing")]
    tables = {
        "edited": [measure(*each) for each in track(list(zip(larges, made, strict=True)), "measuring")],
        "perfect": [measure(large, perfect(models, large)) for large in track(larges, "the true edits")],
    }
    few = [measure_small(models, each, steps=steps) for each in track(smalls(small), "small things")]
    write(out, models, steps, tables, made, few)
    for name, rows in tables.items():
        open_console().print(f"{name}\n{table(rows)}")
    open_console().print(f"small things\n{small_table(few)}\n{small_words(few)}")


if __name__ == "__main__":
    typer.run(main)
