"""``python -m benchmarks.layouts``: `auto`'s edits of what stands where, by the judge of the wider world.

Things are added, removed, cleared away, counted, moved, and given or rid of hats and glasses, in held-out
scenes (seeds from 1,000,000 on); the report goes into docs/layouts.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Final

import typer
from PIL import Image
from rich.progress import track

import engine
from benchmarks.auto.tuning import Judges
from benchmarks.quality.bench import Bench, lexicon
from benchmarks.quality.rows import AUTO, rows
from miniature.pairs import Pair, held_out_pairs
from miniature.pictures import psnr
from parameters import Kind

KINDS: Final[Mapping[str, Kind]] = {
    "add": Kind.ADDED,
    "remove": Kind.REMOVED,
    "clear": Kind.REMOVED,
    "move": Kind.MOVED,
    "count": Kind.ADDED,
    "dress": Kind.ADDED,
    "undress": Kind.TAKEN_OFF,
}
"""What is looked at, by the kind of the pair."""
_SHOWN, _ZOOM = 6, 2
_TEXT = """# Edits of what stands where

Measured by `python -m benchmarks.layouts` on the miniature (weights `{revision}`): {count} held-out edits of
each kind by `auto`, {steps} steps. *Right*: the judge of the wider world sees the things that were asked for,
as many of them, wearing what they are to; a thing that moves must also be most of the way there. *Judge
alone*: the same of the true edit. Distances as in [Quality of edits](quality.md).

| kind | edits | right, % | judge alone, % | outside, dB | to the truth, dB |
| --- | ---: | ---: | ---: | ---: | ---: |
{lines}

The first edits of each kind: sources above, results below.

{pictures}
"""


@dataclass(frozen=True, kw_only=True)
class Edited:
    """One edit; `judged`: whether the judge is right about the true edit. PSNR in dB."""

    pair: Pair
    answer: Image.Image
    right: bool
    judged: bool
    outside: float
    truth: float


def edits(bench: Bench, judges: Judges, kind: str, count: int) -> Iterator[Edited]:
    """So many held-out edits of a kind by `auto`, measured."""
    for pair in held_out_pairs(kind, count):
        answer = bench.edit(rows()[AUTO], pair).answer
        right, judged = (judges.recognise(KINDS[kind], pair, each) for each in (answer, pair.truth))
        yield Edited(
            pair=pair,
            answer=answer,
            right=right,
            judged=judged,
            outside=psnr(answer, pair.image, ~pair.mask),
            truth=psnr(answer, pair.truth),
        )


def line(kind: str, some: Sequence[Edited]) -> str:
    """A row of the report's table."""
    right, judged = (100 * fmean(getattr(one, name) for one in some) for name in ("right", "judged"))
    outside, truth = (fmean(getattr(one, name) for one in some) for name in ("outside", "truth"))
    return f"| {kind} | {len(some)} | {right:.0f} | {judged:.0f} | {outside:.1f} | {truth:.2f} |"


def sheet(some: Sequence[Edited]) -> Image.Image:
    """The first sources in a row, and the results below them."""
    width, height = some[0].answer.size
    shown = some[:_SHOWN]
    whole = Image.new("RGB", (width * len(shown), height * 2))
    for place, one in enumerate(shown):
        whole.paste(one.pair.image, (place * width, 0))
        whole.paste(one.answer, (place * width, height))
    return whole.resize((whole.width * _ZOOM, whole.height * _ZOOM), Image.Resampling.NEAREST)


def main(
    count: Annotated[int, typer.Option(help="How many edits of each kind.")] = 40,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 30,
    out: Annotated[Path, typer.Option(help="The report.")] = Path("docs/layouts.md"),
) -> None:
    """Measure every kind, and write the report."""
    models = engine.load("miniature")
    bench = Bench(models=models, steps=steps, lexicon=lexicon())
    judges = Judges.load()
    images = out.parent / "images" / "layouts"
    images.mkdir(parents=True, exist_ok=True)
    lines, pictures = [], []
    for kind in KINDS:
        some = list(track(edits(bench, judges, kind, count), kind, total=count))
        lines.append(line(kind, some))
        sheet(some).save(images / f"{kind}.png", optimize=True)
        asked = "; ".join(
            f"*{one.pair.source.caption}* to *{one.pair.target.caption}*" for one in some[:_SHOWN]
        )
        pictures.append(f"**{kind}**: {asked}\n\n![sources and results](images/layouts/{kind}.png)")
    facts = {"revision": models.revision[:12], "count": count, "steps": steps}
    out.write_text(_TEXT.format(**facts, lines="\n".join(lines), pictures="\n\n".join(pictures)))


if __name__ == "__main__":
    typer.run(main)
