"""The edits to put back: scenes drawn larger than the model, and what the model makes of them at its size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

import engine
from benchmarks.quality.bench import edit_of, inversion_of, lexicon
from benchmarks.quality.cases import Case
from benchmarks.quality.rows import AUTO, digest, rows
from engine import codec
from miniature.pairs import KINDS, Pair
from miniature.pictures import Mask
from parameters import Choice, choose

SCALE = 4
GRAIN = 0.04


@dataclass(frozen=True, kw_only=True)
class Large:
    """A case drawn at `SCALE` times the model's size; of every kind each second one has grain."""

    case: Case

    @property
    def grain(self) -> float:
        """The deviation of its grain, of white 1."""
        return GRAIN * (self.case.number // len(KINDS) % 2)

    @cached_property
    def original(self) -> Image.Image:
        return self.case.pair.source.render(scale=SCALE, grain=self.grain)

    @cached_property
    def truth(self) -> Image.Image:
        return self.case.pair.target.render(scale=SCALE, grain=self.grain)

    @cached_property
    def changed(self) -> Mask:
        """Pixels that had to change, shape (height, width)."""
        return self.case.pair.source.mask(self.case.pair.target, scale=SCALE)


@dataclass(frozen=True, kw_only=True)
class Working:
    """What the model made at its own size: the edit, the source decoded beside it, and the mask if any."""

    edit: Image.Image
    source: Image.Image
    mask: Image.Image | None


def chosen(pair: Pair) -> Choice:
    """What `auto` chooses for the edit of a pair, by the miniature's table."""
    return choose(pair.source.caption, [pair.target.caption], table=rows()[AUTO], lexicon=lexicon())


def working(models: engine.Backbone, large: Large, folder: Path, *, steps: int) -> Working:
    """The edit of a large scene at the model's size, made once and kept in a folder."""
    stem = f"{large.case.number:04d}-{large.grain:g}"
    paths = {name: folder / f"{stem}-{name}.png" for name in ("mask", "source", "edit")}
    if not paths["edit"].exists():
        folder.mkdir(parents=True, exist_ok=True)
        picture = codec.fit(models, large.original)
        choice = chosen(large.case.pair)
        prompt = large.case.pair.source.caption
        record = engine.invert(models, picture, prompt=prompt, steps=steps, **inversion_of(choice))
        made = engine.edit(models, record, edit_of(choice))
        if made.masks[0] is not None:
            made.masks[0].save(paths["mask"])
        made.source.save(paths["source"])
        made.images[0].save(paths["edit"])
    read = {name: _read(path) for name, path in paths.items() if path.exists()}
    return Working(edit=read["edit"], source=read["source"], mask=read.get("mask"))


def _read(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.copy()


def edits_folder(runs: Path, models: engine.Backbone, steps: int) -> Path:
    """Where the edits of one model by one table of `auto` are kept."""
    return runs / f"{models.revision[:12]}-{digest(rows()[AUTO])}-{steps}"
