"""``python -m benchmarks.taus``: choose the defaults of an edit's windows, on scenes kept for that.

Without arguments the stages below run one after another, each with what the ones before it chose.
``python -m benchmarks.taus tau_c=.2,.4 tau_s=.2,.6 --method p2p`` tries one grid of one's own.
"""

import json as json_module
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import engine
from benchmarks.quality.cases import cases
from benchmarks.taus.grid import Params, Tried, Value, attempt, choose, points, prepared
from miniature import WEIGHTS
from miniature.pairs import KINDS
from miniature.printing import open_console
from miniature.recipe.package import load_judge
from parameters import EDITS

FIRST = 2_000_000
ROOM = 4 * 2**30
Axes = Mapping[str, Sequence[Value]]
STAGES: tuple[Axes, ...] = (
    {"tau_c": (0.2, 0.4, 0.6, 0.8), "tau_s": (0.0, 0.2, 0.4, 0.6, 0.8)},
    {"tau_v": (0.0, 0.2, 0.5, 0.8, 1.0)},
    {"tau_u": (0.0, 0.2, 0.5)},
    {"blend_threshold": (0.3, 0.5, 0.7, 0.8)},
)


def axis(text: str) -> tuple[str, tuple[Value, ...]]:
    """Read "tau_c=.2,.4" or "padding=end,absolute"."""
    name, _, values = text.partition("=")
    if not (name and values):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE,VALUE")
    return name, tuple(_value(value) for value in values.split(","))


def _value(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text


def table(title: str, tried: Sequence[Tried], chosen: Tried) -> Table:
    result = Table(title=title)
    result.add_column("setting", no_wrap=True)
    for head in ("seen, %", *KINDS, "outside, dB", "SSIM", "truth, dB", ""):
        result.add_column(head)
    for one in tried:
        kinds = [f"{one.by_kind.get(kind, 0):.0f}" for kind in KINDS]
        figures = f"{one.outside_psnr:.2f}", f"{one.outside_ssim:.3f}", f"{one.truth:.2f}"
        mark = "chosen" if one is chosen else ""
        result.add_row(one.name, f"{one.recognised:.1f}", *kinds, *figures, mark)
    return result


def main(
    grid: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE,VALUE; all stages if none.")] = None,
    pairs: Annotated[int, typer.Option(help="How many edits, over four kinds in turn.")] = 40,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    inverter: Annotated[str, typer.Option(help="How the pictures are inverted.")] = "stylediffusion",
    method: Annotated[str, typer.Option(help="How they are edited.")] = "p2plus",
    device: Annotated[str, typer.Option(help="Where to run.")] = "cpu",
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Print a table per stage, and what it chose."""
    console = open_console()
    known = set(EDITS[method].model_fields)
    stages = (dict(map(axis, grid)),) if grid else [stage for stage in STAGES if known >= set(stage)]
    models, critic = engine.load("miniature", device=device), load_judge(WEIGHTS)
    pictures = prepared(models, cases(pairs, first=FIRST), inverter, steps)
    cache = engine.SourceCache(ROOM)
    best: Params = {}
    written = []
    for axes in stages:
        settings = [{**best, **point} for point in points(axes)]
        tried = attempt(models, critic, pictures, method, settings, cache, lambda one: console.log(one.name))
        chosen = choose(tried)
        best = chosen.params
        console.print(table(f"{inverter}, {method}: {', '.join(axes)}", tried, chosen))
        written += [asdict(one) | {"chosen": one is chosen} for one in tried]
        if json:
            json.write_text(json_module.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
