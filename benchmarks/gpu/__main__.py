"""``python -m benchmarks.gpu``: what a GPU gives, in at most eight minutes, without network.

First the miniature is edited on the device and on the processor, and the pictures have to agree; then
architectures at random weights are timed and profiled, beside diffusers' own pipelines. Exits with 1 where
the pictures do not agree.
"""

import json as json_module
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

import engine
from benchmarks.gpu.agreement import agreements
from benchmarks.gpu.architectures import Size, write
from benchmarks.gpu.measuring import Bench, Clock, costs, works
from benchmarks.gpu.page import page
from miniature.printing import open_console

DTYPES = ("float16", "bfloat16", "float32")


def main(
    device: Annotated[str, typer.Option(help="Where to run.")] = "cuda",
    size: Annotated[
        list[Size] | None, typer.Option(help="The architectures to time; the tiny ones are for a rehearsal.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    repeats: Annotated[int, typer.Option(help="How often each edit runs.")] = 5,
    minutes: Annotated[float, typer.Option(help="What has not begun by then is left out.")] = 7.0,
    json: Annotated[Path, typer.Option(help="Where to write the figures.")] = Path("gpu.json"),
    markdown: Annotated[Path | None, typer.Option(help="Also write the page here.")] = None,
) -> None:
    """Check, measure, and write one JSON."""
    console = open_console()
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise typer.BadParameter("no GPU is visible to torch; --device cpu rehearses", param_hint="--device")
    facts: dict[str, Any] = {}
    for facts in measured(
        device, size or [Size.SD15, Size.SDXL], steps, repeats, Clock(seconds=60 * minutes), console
    ):
        json.write_text(json_module.dumps(facts, indent=2) + "\n")
    if markdown:
        markdown.write_text(page(facts))
    if not all(one["agrees"] for one in facts["agreements"]):
        raise typer.Exit(1)


def measured(
    device: str, sizes: Sequence[Size], steps: int, repeats: int, clock: Clock, console: Console
) -> Iterator[dict[str, Any]]:
    """Everything that the JSON holds, after every part of the work that may be the last."""
    agreed: list[dict[str, Any]] = []
    for agreement in agreements(device, steps):
        console.print(agreement)
        agreed.append(asdict(agreement) | {"agrees": agreement.agrees})
    facts: dict[str, Any] = {
        "device": name_of(device),
        "torch": torch.__version__,
        "steps": steps,
        "repeats": repeats,
        "agreements": agreed,
        "sides": {},
        "timings": [],
        "costs": [],
        "skipped": [],
    }
    yield facts
    with tempfile.TemporaryDirectory() as folder:
        for dtype, size in product(DTYPES, sizes):
            what = f"{size} in {dtype}"
            try:
                if clock.over:
                    facts["skipped"].append(what)
                else:
                    measure(Path(folder), device, dtype, size, repeats, clock, facts, console)
            except engine.OutOfMemory:
                facts["skipped"].append(f"{what}, which did not fit")
            yield facts


def measure(
    folder: Path,
    device: str,
    dtype: str,
    size: Size,
    repeats: int,
    clock: Clock,
    facts: dict[str, Any],
    console: Console,
) -> None:
    """Add the figures of one architecture in one dtype; raises `OutOfMemory`."""
    place = folder / size
    if not place.exists():
        write(size, place)
    bench = Bench(place, device, dtype, facts["steps"], size)
    facts["sides"][size] = bench.side
    for name, work in works(bench, repeats, clock):
        if clock.over:
            facts["skipped"].append(f"{size} in {dtype}: {name}")
            continue
        for timing in work():
            console.print(timing)
            facts["timings"].append(asdict(timing))
    if not any(one["size"] == size for one in facts["costs"]):
        facts["costs"] += [asdict(cost) for cost in costs(bench)]


def name_of(device: str) -> str:
    """The card's name, or that it is a processor."""
    found = torch.device(device)
    return torch.cuda.get_device_name(found) if found.type == "cuda" else "a processor"


if __name__ == "__main__":
    typer.run(main)
