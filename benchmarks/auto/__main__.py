"""``python -m benchmarks.auto``: measure what `auto` is to choose for the miniature, and write its table.

Candidates (`benchmarks.auto.candidates`) are tried on edits of tuning scenes, from seed 2,000,000 on. What is
measured is kept in runs/auto; a run that was broken off goes on where it was.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

import engine
from benchmarks.auto.candidates import candidates
from benchmarks.auto.tuning import PAIRS, Notes, Summary, Tuning, best, summaries
from benchmarks.quality.bench import Bench, lexicon
from benchmarks.quality.rows import TABLE
from miniature.printing import open_console
from parameters import Kind


def shown(kind: Kind, some: list[Summary], chosen: Summary) -> Table:
    """The candidates of a kind, the best first."""
    heads = ("candidate", "edits", "right, %", "outside, dB", "to the truth, dB", "")
    table = Table(*heads, title=kind.value)
    for one in some:
        outside = "" if one.outside is None else f"{one.outside:.2f}"
        figures = (str(one.edits), f"{one.right:.1f}", outside, f"{one.truth:.2f}")
        table.add_row(one.candidate, *figures, "chosen" if one is chosen else "")
    return table


def main(
    edits: Annotated[int, typer.Option(help="How many edits of each kind by every candidate.")] = 16,
    finals: Annotated[int, typer.Option(help="How many of each kind by the best few of them.")] = 64,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only these kinds.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing more.")] = False,
    runs: Annotated[Path, typer.Option(help="Where what is measured is kept.")] = Path("runs/auto"),
    out: Annotated[Path, typer.Option(help="The table.")] = TABLE,
) -> None:
    """Print how the candidates fare, and write the best of each kind."""
    console = open_console()
    models = engine.load("miniature")
    notes = Notes(runs / f"{models.revision[:12]}-{steps}.jsonl")
    if not report:
        bench = Bench(models=models, steps=steps, lexicon=lexicon())
        Tuning(bench=bench, notes=notes).run(
            kind or list(PAIRS),
            edits,
            lambda one: console.log(f"{one.kind} {one.number} {one.candidate}"),
            finals,
        )
    table: dict[str, Any] = {}
    for each in PAIRS:
        if not (some := summaries(notes.read(), each, max(edits, finals))):
            continue
        chosen = best(some)
        console.print(shown(each, some, chosen))
        recipe = dict(candidates(each))[chosen.candidate]
        right = f"{round(chosen.right * chosen.edits / 100)} of {chosen.edits} such edits came out right"
        because = f"of the ways that were tried it served this kind best: {right}."
        table[each.value] = recipe.model_copy(update={"because": because})
    written = {name: recipe.model_dump(exclude_defaults=True) for name, recipe in table.items()}
    out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
