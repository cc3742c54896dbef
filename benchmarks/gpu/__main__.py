"""``python -m benchmarks.gpu``: what a GPU gives, in at most eight minutes, without network.

First the miniature is edited on the device and on the processor, and the pictures have to agree; then an
architecture at random weights is timed and profiled, beside diffusers' own pipeline. Exits with 1 where the
pictures do not agree.
"""

import json as json_module
import tempfile
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from benchmarks.gpu.agreement import agreements
from benchmarks.gpu.architectures import write
from benchmarks.gpu.measuring import Bench, Clock, costs, timings
from benchmarks.gpu.page import page
from miniature.printing import open_console


class Size(StrEnum):
    """What to time."""

    SD15 = "sd15"
    TINY = "tiny"


DTYPES = ("float16", "bfloat16", "float32")


def main(
    device: Annotated[str, typer.Option(help="Where to run.")] = "cuda",
    size: Annotated[
        Size, typer.Option(help="The architecture to time; tiny is for a rehearsal.")
    ] = Size.SD15,
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
    facts = measured(device, size, steps, repeats, Clock(seconds=60 * minutes), console)
    json.write_text(json_module.dumps(facts, indent=2) + "\n")
    if markdown:
        markdown.write_text(page(facts))
    if not all(one["agrees"] for one in facts["agreements"]):
        raise typer.Exit(1)


def measured(
    device: str, size: Size, steps: int, repeats: int, clock: Clock, console: Console
) -> dict[str, Any]:
    """Everything that the JSON holds."""
    found: dict[str, list[Any]] = {"agreements": [], "timings": [], "costs": [], "skipped": []}
    for agreement in agreements(device, steps):
        console.print(agreement)
        found["agreements"].append(asdict(agreement) | {"agrees": agreement.agrees})
    side, profiled = 0, ""
    with tempfile.TemporaryDirectory() as folder:
        write(size, Path(folder))
        for dtype in DTYPES:
            if clock.over:
                found["skipped"].append(dtype)
                continue
            bench = Bench(Path(folder), device, dtype, steps)
            side = bench.side
            for timing in timings(bench, repeats, clock):
                console.print(timing)
                found["timings"].append(asdict(timing))
            if not profiled:
                profiled = dtype
                found["costs"] = [asdict(cost) for cost in costs(bench)]
            del bench
    return {
        "device": name_of(device),
        "torch": torch.__version__,
        "size": str(size),
        "side": side,
        "steps": steps,
        "repeats": repeats,
        "profiled": profiled,
        **found,
    }


def name_of(device: str) -> str:
    """The card's name, or that it is a processor."""
    found = torch.device(device)
    return torch.cuda.get_device_name(found) if found.type == "cuda" else "a processor"


if __name__ == "__main__":
    typer.run(main)
