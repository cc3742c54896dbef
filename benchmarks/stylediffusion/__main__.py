"""``python -m benchmarks.stylediffusion``: the published algorithm written plainly, against ours.

On the miniature both run in turn, in one process. ``--arch sd15`` counts the work on SD-1.5's architecture,
without weights.
"""

import json as json_module
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import engine
from benchmarks import plain
from benchmarks.stylediffusion.measuring import BLENDS, DEFAULT, FAITHFUL, Bench, EditRun, Preparation
from benchmarks.stylediffusion.sd15 import Costs
from benchmarks.stylediffusion.summary import bar_table, bars, count_table
from benchmarks.stylediffusion.work import job_table, works
from miniature import WEIGHTS
from miniature.pairs import held_out_pairs
from miniature.printing import open_console


class Arch(StrEnum):
    """What to run or count on."""

    MINIATURE = "miniature"
    SD15 = "sd15"


def main(
    arch: Annotated[Arch, typer.Option(help="miniature runs, sd15 counts.")] = Arch.MINIATURE,
    scenes: Annotated[int, typer.Option(help="How many pictures to prepare and to edit.")] = 3,
    repeats: Annotated[int, typer.Option(help="How often each edit runs.")] = 3,
    steps: Annotated[int, typer.Option(help="Steps of every run; the published 30.")] = 30,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; the model's if not given.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write all of it here.")] = None,
) -> None:
    """Print the bars and the counts."""
    console = open_console()
    models = engine.load("miniature")
    scale = models.spec.guidance_scale if guidance is None else guidance
    bench = Bench(parts=plain.Parts.load(models, WEIGHTS), steps=steps, guidance_scale=scale)
    facts = compared(bench, console, scenes, repeats) if arch is Arch.MINIATURE else priced(bench, console)
    if json:
        json.write_text(json_module.dumps(facts, indent=2) + "\n")


def priced(bench: Bench, console: Console) -> dict[str, Any]:
    """Count our default preparation on one picture of the miniature, and all jobs at SD-1.5's prices."""
    _, prepared = bench.prepare(0, held_out_pairs("object", 1)[0], DEFAULT)
    jobs = works(Costs(), prepared.counts, bench.steps)
    console.print(job_table(jobs))
    return {"steps": bench.steps, "counted": asdict(prepared.counts), "jobs": [asdict(job) for job in jobs]}


def compared(bench: Bench, console: Console, scenes: int, repeats: int) -> dict[str, Any]:
    """Run everything, print it, and give it as JSON would have it."""
    preparations: list[Preparation] = []
    edits: list[EditRun] = []

    def told(one: Preparation) -> None:
        console.log(f"scene {one.scene}, {one.variant}: {one.seconds.wall:.1f} s, {one.fidelity}")
        preparations.append(one)

    for scene, pair in enumerate(held_out_pairs("object", scenes)):
        prepared, first = bench.prepare_plainly(scene, pair)
        told(first)
        record, second = bench.prepare(scene, pair, DEFAULT)
        told(second)
        told(bench.prepare(scene, pair, FAITHFUL)[1])
        for blend in BLENDS:
            edits += bench.edits(scene, pair, prepared, record, repeats, blend)
    found = bars(preparations, edits)
    console.print(bar_table(found))
    console.print(count_table(preparations, edits))
    return {
        "steps": bench.steps,
        "guidance_scale": bench.guidance_scale,
        "bars": [asdict(bar) | {"met": bar.met} for bar in found],
        "preparations": [asdict(one) for one in preparations],
        "edits": [asdict(one) for one in edits],
    }


if __name__ == "__main__":
    typer.run(main)
