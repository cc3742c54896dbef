"""``python -m benchmarks.quality``: measure edits of held-out scenes, and write docs/quality.md.

What is measured is kept in runs/quality; a run that was broken off goes on where it was. Several processes
share the work by ``--shard 0/2`` and ``--shard 1/2``; ``--report`` only writes what there is.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import engine
from benchmarks.quality.bench import Bench, lexicon
from benchmarks.quality.cases import cases
from benchmarks.quality.ledger import Ledger
from benchmarks.quality.report import write
from benchmarks.quality.rows import rows
from benchmarks.quality.running import run
from benchmarks.quality.tables import HEAD, current, lines
from miniature import WEIGHTS
from miniature.pairs import KINDS
from miniature.printing import open_console
from miniature.recipe.package import load_judge


def main(
    edits: Annotated[int, typer.Option(help="How many edits, over four kinds in turn.")] = 100,
    steps: Annotated[int, typer.Option(help="Steps of every run; StyleDiffusion's published 30.")] = 30,
    shard: Annotated[str, typer.Option(help="Which part of the work this process does.")] = "0/1",
    row: Annotated[list[str] | None, typer.Option(help="Only the rows of these names.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing more.")] = False,
    device: Annotated[str, typer.Option(help="Where to run.")] = "cpu",
    runs: Annotated[Path, typer.Option(help="Where what is measured is kept.")] = Path("runs/quality"),
    out: Annotated[Path, typer.Option(help="The report.")] = Path("docs/quality.md"),
) -> None:
    """Fill the ledger, then print the table; the whole of it is written once all shards are done."""
    console = open_console()
    part, parts = (int(number) for number in shard.split("/"))
    models = engine.load("miniature", device=device)
    every = cases(edits)
    ledger = Ledger.at(runs, models, steps)
    if not report:
        run(
            Bench(models=models, steps=steps, lexicon=lexicon()),
            load_judge(WEIGHTS),
            # Edits of one scene stay together, for they share its inversions.
            [case for case in every if case.number // len(KINDS) % parts == part],
            ledger,
            rows={name: table for name, table in rows().items() if row is None or name in row},
            shard=f"{part}of{parts}",
            tell=console.log,
        )
    if report or parts == 1:
        write(models, every, ledger, out, steps)
    table = Table(title="edits of held-out scenes")
    for number, head in enumerate(HEAD):
        table.add_column(head, no_wrap=number == 0)
    for line in lines(current(ledger.rows())):
        table.add_row(*line.cells)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
