"""``python -m benchmarks.quality``: measure edits of held-out scenes, and write docs/quality.md.

What is measured is kept in runs/quality; a run that was broken off goes on where it was. Several processes
share the work by ``--shard 0/2`` and ``--shard 1/2``; ``--report`` only writes what there is.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import engine
from benchmarks.quality.cases import INVERTERS, cases, defaults
from benchmarks.quality.ledger import Ledger
from benchmarks.quality.report import write
from benchmarks.quality.running import run
from benchmarks.quality.tables import HEAD, lines
from miniature import WEIGHTS
from miniature.pairs import KINDS
from miniature.printing import open_console
from miniature.recipe.package import load_judge


def main(
    pairs: Annotated[int, typer.Option(help="How many edits, over four kinds in turn.")] = 100,
    steps: Annotated[int, typer.Option(help="Steps of every run; StyleDiffusion's published 30.")] = 30,
    shard: Annotated[str, typer.Option(help="Which part of the work this process does.")] = "0/1",
    inverter: Annotated[list[str] | None, typer.Option(help="Only these, in this order.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing more.")] = False,
    device: Annotated[str, typer.Option(help="Where to run.")] = "cpu",
    runs: Annotated[Path, typer.Option(help="Where what is measured is kept.")] = Path("runs/quality"),
    out: Annotated[Path, typer.Option(help="The report.")] = Path("docs/quality.md"),
) -> None:
    """Fill the ledger, then print the table; the whole of it is written once all shards are done."""
    console = open_console()
    part, parts = (int(number) for number in shard.split("/"))
    models, critic = engine.load("miniature", device=device), load_judge(WEIGHTS)
    every = cases(pairs)
    ledger = Ledger.at(runs, models.revision, steps, defaults(models))
    if not report:
        # Edits of one scene stay together, for they share its inversions.
        mine = [case for case in every if case.number // len(KINDS) % parts == part]
        run(
            models,
            critic,
            mine,
            ledger,
            steps=steps,
            shard=f"{part}of{parts}",
            inverters=inverter or INVERTERS,
            tell=console.log,
        )
    if report or parts == 1:
        write(models, every, ledger, out, steps)
    table = Table(title="edits of held-out scenes")
    for number, head in enumerate(HEAD):
        table.add_column(head, no_wrap=number < 2)
    for line in lines(ledger.rows()):
        table.add_row(*line.cells)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
