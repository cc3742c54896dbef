"""Where edits are made as a user would ask for them, with the pictures inverted so far."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from PIL import Image

import engine
from benchmarks.counting import counted
from engine import fullres
from miniature import WEIGHTS
from miniature.knows import FILE as KNOWS
from miniature.pairs import Pair
from parameters import INVERSIONS, Choice, Lexicon, Table, choose
from parameters.auto import USUAL

T = TypeVar("T")
_ROOM = 2 * 2**30


@dataclass(frozen=True, kw_only=True)
class Done:
    """An edit, with the processor time in seconds and the rows through the denoiser of both parts.

    `answer` is what the service answers with by default: where a mask confines the edit, the picture that was
    sent with the edit's change applied to it; else the model's picture.
    """

    result: engine.EditResult
    answer: Image.Image
    invert_seconds: float
    edit_seconds: float
    invert_rows: int
    edit_rows: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """A record with what it took."""

    record: engine.SourceRecord
    seconds: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Makes the edits of pairs of scenes by tables of recipes."""

    models: engine.Backbone
    steps: int
    lexicon: Lexicon
    records: dict[str, Work] = field(default_factory=dict)
    cache: engine.SourceCache = field(default_factory=lambda: engine.SourceCache(_ROOM))

    def edit(self, table: Table, pair: Pair) -> Done:
        """The edit of a pair that `auto` would make with this table."""
        source, target = pair.source.caption, pair.target.caption
        chosen = choose(source, [target], table=table, lexicon=self.lexicon)
        facts = {"prompt": source, "steps": self.steps, **inversion_of(chosen)}
        key = engine.record_key(self.models, pair.image, **facts)
        if key not in self.records:
            record, seconds, rows = self._worked(lambda: engine.invert(self.models, pair.image, **facts))
            self.records[key] = Work(record=record, seconds=seconds, rows=rows)
        work = self.records[key]
        asked = edit_of(chosen)
        result, seconds, rows = self._worked(
            lambda: engine.edit(self.models, work.record, asked, cache=self.cache)
        )
        return Done(
            result=result,
            answer=_answer(pair.image, result),
            invert_seconds=work.seconds,
            edit_seconds=seconds,
            invert_rows=work.rows,
            edit_rows=rows,
        )

    def _worked(self, work: Callable[[], T]) -> tuple[T, float, int]:
        with counted(unet=self.models.network, vision=None, vae=self.models.vae) as counts:
            start = time.process_time()
            done = work()
            return done, time.process_time() - start, counts.unet_forward


def inversion_of(choice: Choice) -> dict[str, Any]:
    """What `engine.invert` takes for the inversion that `auto` chose."""
    method = choice.inversion or USUAL
    return {"method": method, "params": INVERSIONS[method](**choice.inversion_params)}


def edit_of(choice: Choice) -> engine.Edit:
    """The edit that `auto` chose for one target."""
    (target,) = choice.targets
    return engine.Edit(prompt=target, method=choice.params, guidance_scale=choice.guidance_scale)


def _answer(picture: Image.Image, result: engine.EditResult) -> Image.Image:
    (edited,), (mask,) = result.images, result.masks
    if mask is None:
        return edited
    return fullres.apply_edit(picture, edit=edited, source=result.source, mask=mask).image


def lexicon() -> Lexicon:
    """What the miniature tells of its words."""
    told = json.loads((WEIGHTS / KNOWS).read_text())
    return Lexicon(
        **{name: frozenset(told[name]) for name in ("objects", "colours", "styles", "backgrounds")}
    )
