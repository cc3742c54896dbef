"""Edits of tuning scenes by every candidate, kept as they are measured, and the best of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image
from torch import nn

from benchmarks.auto.candidates import candidates
from benchmarks.quality.bench import Bench
from miniature import WEIGHTS
from miniature.pairs import LAYOUT_KINDS, Pair, held_out_pairs
from miniature.pictures import psnr
from miniature.recipe import wide_judge
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge
from parameters import Kind, Recipe

FIRST = 2_000_000
PAIRS: Mapping[Kind, tuple[str, ...]] = {
    Kind.SWAP: ("object",),
    Kind.COLOUR: ("colour",),
    Kind.BACKGROUND: ("background",),
    Kind.STYLE: ("style",),
    Kind.ADDED: ("add",),
    Kind.REMOVED: ("remove", "clear"),
    Kind.TAKEN_OFF: ("undress",),
    Kind.MOVED: ("move",),
    Kind.SEVERAL: ("object",),
}
"""Which pairs of scenes are edits of a kind; of several changes, a swap before another background."""
_OF_THE_WIDE = frozenset({Kind.ADDED, Kind.REMOVED, Kind.TAKEN_OFF, Kind.MOVED})
"""Kinds that the judge of the wider world judges; it does not see where a thing stands."""
NEARLY = 5.0
FINALISTS = 4
HALFWAY = 0.5


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One edit by one candidate; PSNR in dB, None where nothing lies outside what had to change.

    `moved` is how far the edit went from the source to the truth (`moved`).
    """

    kind: str
    number: int
    candidate: str
    recipe: str
    recognised: bool
    moved: float
    outside: float | None
    truth: float

    @property
    def right(self) -> bool:
        """Whether the edit is recognised, and most of the way from the source to the truth."""
        return self.recognised and self.moved > HALFWAY


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Means of a candidate over the edits of one kind; `right` in percent."""

    candidate: str
    edits: int
    right: float
    outside: float | None
    truth: float


def pair_of(kind: Kind, number: int) -> Pair:
    """A tuning edit of a kind, the same one on every call."""
    kinds = PAIRS[kind]
    name, at = kinds[number % len(kinds)], number // len(kinds)
    if name in LAYOUT_KINDS:
        return held_out_pairs(name, 1, first=FIRST + at)[0]
    pair = held_out_pairs(name, at + 1, first=FIRST)[at]
    if kind is not Kind.SEVERAL:
        return pair
    ground = held_out_pairs("background", 1, first=pair.source.seed)[0].target.background
    return Pair(pair.source, pair.target.with_(background=ground))


@dataclass(frozen=True)
class Judges:
    """Those of the plain and of the wider world."""

    plain: nn.Module
    wide: nn.Module

    @classmethod
    def load(cls) -> Judges:
        """The judges that lie with the miniature."""
        return cls(load_judge(WEIGHTS), wide_judge.load(WEIGHTS))

    def recognise(self, kind: Kind, pair: Pair, edited: Image.Image) -> bool:
        """Whether the edit shows what was asked for."""
        if kind in _OF_THE_WIDE:
            (seen,) = wide_judge.verdicts(self.wide, [edited])
            shown = seen.shows(pair.target)
            there = kind is not Kind.MOVED or moved(pair, edited) > HALFWAY
            return there and all(shown[each] for each in ("object", "count", "accessory"))
        (verdict,) = judge(self.plain, [edited])
        shown = verdict.shows(pair.target)
        wanted = {Kind.SWAP: ("object",), Kind.SEVERAL: ("object", "background")}.get(kind, (kind.value,))
        return all(shown[each] for each in wanted)


@dataclass(frozen=True)
class Notes:
    """What was tried, as lines of JSON in a file; a line that was cut off is not there."""

    file: Path

    def read(self) -> Sequence[Tried]:
        """All that was tried."""
        found = []
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            try:
                found.append(Tried(**json.loads(line)))
            except (json.JSONDecodeError, TypeError):
                continue
        return found

    def add(self, tried: Tried) -> None:
        """Keep one more."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as file:
            file.write("\n" + json.dumps(asdict(tried)))


def digest(recipe: Recipe) -> str:
    """Hash of the fields of a recipe that change the edit."""
    facts = recipe.model_dump_json(exclude={"because"}, exclude_defaults=True)
    return sha256(facts.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Where candidates are tried."""

    bench: Bench
    notes: Notes

    @cached_property
    def judges(self) -> Judges:
        """What looks at the edits."""
        return Judges.load()

    def run(
        self, kinds: Sequence[Kind], edits: int, report: Callable[[Tried], None], finals: int = 0
    ) -> None:
        """Try every candidate on so many edits, and the `FINALISTS` best of each kind on as many as `finals`.

        What is noted is not tried again; a few edits of all kinds come first.
        """
        for number in range(max(edits, finals)):
            there = {(one.kind, one.number, one.recipe) for one in self.notes.read()}
            for kind in kinds:
                running = set(dict(candidates(kind)))
                if number >= edits:
                    running = {one.candidate for one in summaries(self.notes.read(), kind, edits)[:FINALISTS]}
                wanted = [
                    each
                    for each in candidates(kind)
                    if each[0] in running and (kind.value, number, digest(each[1])) not in there
                ]
                if not wanted:
                    continue
                pair = pair_of(kind, number)
                for name, recipe in wanted:
                    edited = self.bench.edit(dict.fromkeys(Kind, recipe), pair).answer
                    outside = ~pair.mask
                    tried = Tried(
                        kind=kind.value,
                        number=number,
                        candidate=name,
                        recipe=digest(recipe),
                        recognised=self.judges.recognise(kind, pair, edited),
                        moved=moved(pair, edited),
                        outside=psnr(edited, pair.image, outside) if outside.any() else None,
                        truth=psnr(edited, pair.truth),
                    )
                    self.notes.add(tried)
                    report(tried)


def summaries(tried: Sequence[Tried], kind: Kind, edits: int) -> list[Summary]:
    """The candidates of a kind that were tried on as many of its first edits as any, the best first."""
    known = dict(candidates(kind))
    recipes = {digest(recipe): name for name, recipe in known.items()}
    by_name: dict[str, dict[int, Tried]] = {}
    for one in tried:
        if one.kind == kind.value and one.recipe in recipes and one.number < edits:
            by_name.setdefault(recipes[one.recipe], {})[one.number] = one
    most = max(map(len, by_name.values()), default=0)
    found = []
    for name, some in by_name.items():
        outside = [one.outside for one in some.values() if one.outside is not None]
        if len(some) == most:
            found.append(
                Summary(
                    candidate=name,
                    edits=len(some),
                    right=100 * fmean(one.right for one in some.values()),
                    outside=fmean(outside) if outside else None,
                    truth=fmean(one.truth for one in some.values()),
                )
            )
    return sorted(found, key=lambda one: (-one.right, -one.truth))


def moved(pair: Pair, edited: Image.Image) -> float:
    """How far an edit went from the source, 0, to the truth, 1, over the pixels that had to change.

    A judge takes a purple balloon for a red one; this does not.
    """
    before, truth, after = (
        np.asarray(image.convert("RGB"), dtype=float)[pair.mask] for image in (pair.image, pair.truth, edited)
    )
    way = truth - before
    return float(((after - before) * way).sum() / (way * way).sum())


def best(some: Sequence[Summary]) -> Summary:
    """The candidate nearest to the truth, of those that are right nearly as often as any.

    Distance alone would choose to change nothing, being right alone to keep nothing.
    """
    enough = max(one.right for one in some) - NEARLY
    return max((one for one in some if one.right >= enough), key=lambda one: one.truth)
