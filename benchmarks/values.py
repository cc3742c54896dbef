"""``python -m benchmarks.values``: what the keys of cross-attention carry, and what its values do.

StyleDiffusion's experiment (Li et al. 2023, https://arxiv.org/abs/2303.15649, section 3.2): keys
are read from one prompt and values from another. Where only the values hear of a new style it shows, and the
structure stays; where only the keys do, nothing changes. A row of the sheet is one scene: source, new
style in keys and values, in the keys alone, in the values alone.
"""

import json as json_module
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from PIL import Image
from rich.table import Table

import engine
from miniature import WEIGHTS
from miniature.pairs import Pair, held_out_pairs
from miniature.printing import open_console
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge

WAYS = ("both", "keys", "values")
_ZOOM = 2


@dataclass(frozen=True, kw_only=True)
class Told:
    """Of the pictures in which this part was told of the new style: who shows it, who kept the object."""

    part: str
    style: float
    object: float
    pictures: tuple[Image.Image, ...]


def edits(models: engine.Backbone, pair: Pair, steps: int) -> dict[str, Image.Image]:
    """A change of style told to keys and values, to the keys alone, and to the values alone."""
    old, new = pair.source.caption, pair.target.caption
    record, cache = engine.invert(models, pair.image, prompt=old, steps=steps), engine.SourceCache(2**28)
    prompts = {"both": (new, None), "keys": (new, old), "values": (old, new)}

    def painted(key: str, value: str | None) -> Image.Image:
        # No attention of the source's is put in: what is seen is the work of keys and values.
        asked = engine.Edit(prompt=key, method=engine.P2P(tau_c=0, tau_s=0, value_prompt=value))
        return engine.edit(models, record, asked, cache=cache).images[0]

    return {way: painted(*prompts[way]) for way in WAYS}


def told(models: engine.Backbone, pairs: Sequence[Pair], steps: int) -> list[Told]:
    """The experiment over several scenes."""
    critic = load_judge(WEIGHTS)
    by_pair = [edits(models, pair, steps) for pair in pairs]
    results = []
    for way in WAYS:
        pictures = tuple(painted[way] for painted in by_pair)
        seen = list(zip(judge(critic, pictures), pairs, strict=True))
        results.append(
            Told(
                part=way,
                style=fmean(verdict.shows(pair.target)["style"] for verdict, pair in seen),
                object=fmean(verdict.shows(pair.source)["object"] for verdict, pair in seen),
                pictures=pictures,
            )
        )
    return results


def sheet(pairs: Sequence[Pair], results: Sequence[Told]) -> Image.Image:
    """A row per scene: source, then each way."""
    columns = [[pair.image for pair in pairs], *(one.pictures for one in results)]
    width, height = pairs[0].image.size
    found = Image.new("RGB", (width * len(columns), height * len(pairs)))
    for x, column in enumerate(columns):
        for y, picture in enumerate(column):
            found.paste(picture, (x * width, y * height))
    return found.resize((found.width * _ZOOM, found.height * _ZOOM), Image.Resampling.NEAREST)


def main(
    scenes: Annotated[int, typer.Option(help="How many held-out scenes.")] = 10,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    out: Annotated[Path, typer.Option(help="The pictures.")] = Path("docs/images/values.png"),
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Print how often the new style shows, and paint the first six scenes."""
    pairs = held_out_pairs("style", scenes)
    results = told(engine.load("miniature"), pairs, steps)
    table = Table("told of the new style", "style shows", "object kept", title=f"{scenes} scenes")
    for one in results:
        table.add_row(one.part, f"{one.style:.0%}", f"{one.object:.0%}")
    open_console().print(table)
    shown = [replace(one, pictures=one.pictures[:6]) for one in results]
    sheet(pairs[:6], shown).save(out, optimize=True)
    if json:
        figures = [{"part": one.part, "style": one.style, "object": one.object} for one in results]
        json.write_text(json_module.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
