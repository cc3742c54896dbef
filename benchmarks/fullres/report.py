"""The report: a table of both ways for every kind of edit, and a sheet of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from PIL import Image

import engine
from benchmarks.fullres.edits import GRAIN, SCALE, Working
from benchmarks.fullres.measuring import Closeness, Row, applied, enlarged, interval
from benchmarks.fullres.small import SCALE as SMALL_SCALE
from benchmarks.fullres.small import SmallRow, small_sheet, small_table, small_words
from miniature.pairs import KINDS

_TEXT = """# Edits at the original's own size

Measured by `python -m benchmarks.fullres` on the miniature (weights `{revision}`): {count} edits of held-out
scenes, drawn at {scale} times the model's size, so that source, true edit and exact mask are known at full
size. Half of the scenes have fine grain (deviation {grain:g} of white) that the model's size cannot show.
Edits as `auto` chooses them ([its table](quality.md#what-auto-chooses)), {steps} steps; a change of style is
not confined.

*Enlarged*: the edit, scaled up bicubically. *Applied*: `engine.fullres.apply_edit`, the answer under
`"resolution": "source"`. PSNR to the true edit in dB: of the whole picture / inside / outside what had to
change; then SSIM. Gains are means over the cases with 95 % intervals (bootstrap). *At most*: the gain if
everything outside were right and inside as it is. *Model's size*: PSNR inside of the edit to the true edit,
both at the model's size, which no way of enlarging betters by much. *Leaked*: values that differ from the
original's outside the returned mask, of all cases together.

## What the model edited

{edited}

## The true edit, through the autoencoder

The same where the model makes no mistake but the autoencoder's, with the exact mask of the working size. What
remains is what the carrying over itself loses.

{perfect}

## Small things, and `region`

{small_count} edits of scenes at {small_scale} times the model's size, whose thing is an eighth to a fifth of
the picture across, anywhere in it. *Whole*: an edit without `region`. *Auto*: `"region": "auto"`. *Exact*:
the square that `auto` would take if it saw what had to change. PSNR as above.

{small}

{small_words}

![Two cases a row: original, true edit, whole, auto, exact](images/fullres-small.jpg)

## Pictures

Of every kind the median case by gain, without and with grain: original, true edit, enlarged, applied.

![Two cases a row: original, true edit, enlarged, applied](images/fullres.jpg)

## What it cannot do

- New things are as soft as the model drew them: nothing is invented at full size.
- The whole picture gains little where the edit itself is far from the truth, as for new objects: inside what
  had to change both ways show the same edit, and "at most" is what is left to gain. One dB over the whole
  picture would take an edit of over 22 dB inside, near what the autoencoder makes of the truth (24.6). The
  second table shows what is gained where the edit is right.
- A new background has no grain, and where the mask stands off the thing in front, a seam of the old one
  stays.
- A change of style that redraws contours is better enlarged than applied; `"resolution": "model"` is its
  default.
"""

_HEAD = (
    "kind",
    "cases",
    "enlarged",
    "applied",
    "gain, whole",
    "at most",
    "model's size",
    "gain, outside",
    "leaked",
)


def write(
    file: Path,
    models: engine.Backbone,
    steps: int,
    tables: Mapping[str, Sequence[Row]],
    working: Sequence[Working],
    small: Sequence[SmallRow],
) -> None:
    """Write the report and the sheet beside it; `working` goes with the rows of the table "edited"."""
    rows = tables["edited"]
    images = file.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    sheet(rows, working).save(images / "fullres.jpg", quality=88)
    small_sheet(small).save(images / "fullres-small.jpg", quality=88)
    text = _TEXT.format(
        small_count=len(small),
        small_scale=SMALL_SCALE,
        small=small_table(small),
        small_words=small_words(small),
        revision=models.revision[:12],
        count=len(rows),
        scale=SCALE,
        grain=GRAIN,
        steps=steps,
        **{name: table(some) for name, some in tables.items()},
    )
    file.write_text(text)


def table(rows: Sequence[Row]) -> str:
    """Both ways, kind by kind, without grain and with it."""
    lines = [_HEAD, ("---",) + ("---:",) * (len(_HEAD) - 1)]
    for kind in KINDS:
        for grained in None, False, True:
            some = [
                row for row in rows if row.large.case.kind == kind and grained in (None, row.large.grain > 0)
            ]
            if some:
                name = {None: f"**{kind}**", False: "without grain", True: "with grain"}[grained]
                lines.append(_line(name, some))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def sheet(rows: Sequence[Row], working: Sequence[Working]) -> Image.Image:
    """For every kind the median case by gain, without grain and with it."""
    made = dict(zip((row.large.case.number for row in rows), working, strict=True))
    side = rows[0].large.original.width
    drawn = Image.new("RGB", (8 * side, len(KINDS) * side), "white")
    for down, kind in enumerate(KINDS):
        for half, grained in enumerate((False, True)):
            some = [row for row in _of(rows, kind) if (row.large.grain > 0) == grained]
            some.sort(key=lambda row: row.applied.whole - row.enlarged.whole)
            for row in some[len(some) // 2 :][:1]:
                large, edit = row.large, made[row.large.case.number]
                pictures = (
                    large.original,
                    large.truth,
                    enlarged(edit, large.original.size),
                    applied(large, edit).image,
                )
                for place, picture in enumerate(pictures):
                    drawn.paste(picture, ((4 * half + place) * side, down * side))
    return drawn


def _of(rows: Sequence[Row], kind: str) -> list[Row]:
    return [row for row in rows if row.large.case.kind == kind]


def _line(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    outside = [
        row.applied.outside - row.enlarged.outside
        for row in rows
        if row.applied.outside is not None and row.enlarged.outside is not None and row.leaked is not None
    ]
    leaks = [row.leaked for row in rows if row.leaked is not None]
    return (
        name,
        str(len(rows)),
        _figures([row.enlarged for row in rows]),
        _figures([row.applied for row in rows]),
        _interval([row.applied.whole - row.enlarged.whole for row in rows]),
        f"{fmean(row.most for row in rows):+.2f}",
        f"{fmean(row.at_models_size for row in rows):.1f}",
        _interval(outside) if outside else "",
        str(sum(leaks)) if leaks else "no mask",
    )


def _figures(some: Sequence[Closeness]) -> str:
    outside = [one.outside for one in some if one.outside is not None]
    parts = [fmean(one.whole for one in some), fmean(one.inside for one in some)]
    shown = " / ".join(f"{part:.1f}" for part in (*parts, *([fmean(outside)] if outside else [])))
    return f"{shown}, {fmean(one.ssim for one in some):.3f}"


def _interval(values: Sequence[float]) -> str:
    mean, low, high = interval(values)
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"
