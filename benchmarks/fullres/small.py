"""Small things in large pictures: edited within the whole picture, and within a region of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

import numpy as np
import torch
from PIL import Image

import engine
from benchmarks.fullres.edits import GRAIN, chosen
from benchmarks.fullres.measuring import Closeness, closeness, interval
from benchmarks.quality.bench import edit_of, inversion_of
from benchmarks.quality.cases import Case, cases
from engine import fullres, regions
from miniature.pairs import Pair
from miniature.pictures import Mask
from miniature.scenes import Scene
from parameters import Choice

SCALE = 8
SIZES = (0.12, 0.2)
KINDS = ("object", "colour")
WAYS = ("whole", "auto", "exact")
_AWAY = 0.36


@dataclass(frozen=True, kw_only=True)
class Small:
    """A case whose thing is an eighth to a fifth of the picture, anywhere, drawn at `SCALE`; each second one
    of a kind has grain.
    """

    case: Case

    @property
    def grain(self) -> float:
        """The deviation of its grain, of white 1."""
        return GRAIN * (self.case.number // 4 % 2)

    @cached_property
    def source(self) -> Scene:
        scene = self.case.pair.source
        rng = np.random.default_rng((scene.seed, 9))
        x, y = rng.uniform(-_AWAY, _AWAY, 2)
        return replace(scene, things=(replace(scene.things[0], size=rng.uniform(*SIZES), x=x, y=y),))

    @cached_property
    def target(self) -> Scene:
        kind = self.case.kind
        return self.source.with_(**{kind: getattr(self.case.pair.target.things[0], kind)})

    @cached_property
    def choice(self) -> Choice:
        """What `auto` chooses for it."""
        return chosen(Pair(source=self.source, target=self.target))

    @cached_property
    def original(self) -> Image.Image:
        return self.source.render(scale=SCALE, grain=self.grain)

    @cached_property
    def truth(self) -> Image.Image:
        return self.target.render(scale=SCALE, grain=self.grain)

    @cached_property
    def changed(self) -> Mask:
        """Pixels that had to change, shape (height, width)."""
        return self.source.mask(self.target, scale=SCALE)


@dataclass(frozen=True, kw_only=True)
class SmallRow:
    """One case by every way of `WAYS`.

    `found` is how much of what had to change lies in the region of 'auto', None where it took the whole
    picture; `leaked` counts values that differ outside the returned masks.
    """

    small: Small
    close: dict[str, Closeness]
    pictures: dict[str, Image.Image]
    found: float | None
    leaked: int


def smalls(pairs: int) -> list[Small]:
    """So many cases, of both kinds in turn; the same ones on every call."""
    wanted = [case for case in cases(2 * pairs) if case.kind in KINDS]
    return [Small(case=case) for case in wanted[:pairs]]


def measure_small(models: engine.Backbone, small: Small, *, steps: int) -> SmallRow:
    """The case by every way, against its truth."""
    size, short = small.original.size, models.spec.size
    whole = _inverted(models, small, None, steps)
    asked = edit_of(small.choice)
    words = small.choice.params.places(small.source.caption, [small.target.caption])
    shown = fullres.cropped(size, (short, short), short=short)
    found = regions.around(
        regions.peaks(engine.find(models, whole, words)), size=size, shown=shown, smallest=short
    )
    everything = (0.0, 0.0, float(size[0]), float(size[1]))
    exact = regions.around(torch.from_numpy(small.changed), size=size, shown=everything, smallest=short)
    made = {}
    for way, region in zip(WAYS, (None, found, exact), strict=True):
        record = whole if region is None else _inverted(models, small, region, steps)
        result = engine.edit(models, record, asked)
        made[way] = fullres.apply_edit(
            small.original,
            edit=result.images[0],
            source=result.source,
            mask=result.masks[0],
            shown=regions.shown_of(size, region, result.images[0].size, short=short),
        )
    return SmallRow(
        small=small,
        close={way: closeness(each.image, small.truth, small.changed) for way, each in made.items()},
        pictures={way: each.image for way, each in made.items()},
        found=None if found is None else _within(small.changed, found),
        leaked=sum(_leaked(each, small.original) for each in made.values()),
    )


def small_table(rows: Sequence[SmallRow]) -> str:
    """Every way, kind by kind, and what the region gains over none."""
    lines: list[tuple[str, ...]] = [
        ("kind", "cases", *WAYS, "gain of auto", "gain of exact", "leaked"),
        ("---",) + ("---:",) * 7,
    ]
    for kind in KINDS:
        some = [row for row in rows if row.small.case.kind == kind]
        if some:
            gains = (_gain(some, way) for way in WAYS[1:])
            leaked = str(sum(row.leaked for row in some))
            lines.append((kind, str(len(some)), *(_figures(some, way) for way in WAYS), *gains, leaked))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def small_words(rows: Sequence[SmallRow]) -> str:
    """How often 'auto' found the place."""
    found = [row.found for row in rows if row.found is not None]
    held = sum(part > 0.99 for part in found)
    return (
        f"`auto` took a region in {len(found)} of {len(rows)} pictures, and the whole picture in the others; "
        f"{held} of these regions hold all that had to change."
    )


def small_sheet(rows: Sequence[SmallRow], most: int = 8) -> Image.Image:
    """The surroundings of the thing: original, true edit and every way; two cases a row."""
    side = 20 * SCALE
    chosen = rows[:most]
    drawn = Image.new("RGB", (10 * side, -(-len(chosen) // 2) * side), "white")
    for place, row in enumerate(chosen):
        left, top, right, bottom = Image.fromarray(row.small.changed).getbbox() or (0, 0, side, side)
        x = min(max((left + right - side) // 2, 0), row.small.original.width - side)
        y = min(max((top + bottom - side) // 2, 0), row.small.original.height - side)
        for at, picture in enumerate((row.small.original, row.small.truth, *row.pictures.values())):
            cut = picture.crop((x, y, x + side, y + side))
            drawn.paste(cut, ((5 * (place % 2) + at) * side, place // 2 * side))
    return drawn


def _inverted(
    models: engine.Backbone, small: Small, region: regions.Region | None, steps: int
) -> engine.SourceRecord:
    picture = regions.part(small.original, region)
    return engine.invert(
        models, picture, prompt=small.source.caption, steps=steps, **inversion_of(small.choice)
    )


def _within(changed: Mask, region: regions.Region) -> float:
    x, y, width, height = region
    return float(changed[y : y + height, x : x + width].sum() / changed.sum())


def _leaked(full: fullres.FullEdit, original: Image.Image) -> int:
    closed = np.asarray(full.mask) == 0
    return int((np.asarray(full.image) != np.asarray(original))[closed].sum())


def _gain(rows: Sequence[SmallRow], way: str) -> str:
    gains = [row.close[way].whole - row.close["whole"].whole for row in rows]
    mean, low, high = interval(gains)
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"


def _figures(rows: Sequence[SmallRow], way: str) -> str:
    some = [row.close[way] for row in rows]
    outside = [each.outside for each in some if each.outside is not None]
    parts = (fmean(each.whole for each in some), fmean(each.inside for each in some), fmean(outside))
    return " / ".join(f"{part:.1f}" for part in parts)
