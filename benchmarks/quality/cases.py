"""What is edited: held-out scenes, and the prompts alone of what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import engine
from benchmarks.quality.rows import MASKS
from miniature.pairs import KINDS, Pair, held_out_pairs
from miniature.recipe.data import HELD_OUT
from parameters import Kind, Recipe, Table, choose


@dataclass(frozen=True, kw_only=True)
class Case:
    """One edit of one kind; numbers go round the kinds, so that any first few of them are balanced."""

    number: int
    kind: str
    pair: Pair

    def edit(self, method: str, params: Mapping[str, Any] | None = None) -> engine.Edit:
        """What is asked by a method, confined as `MASKS` has it of the kind that the prompts show."""
        recipe = Recipe(method=method, params=dict(params or {}))
        table: Table = {kind: recipe.model_copy(update={"mask": MASKS.get(kind)}) for kind in Kind}
        chosen = choose(self.pair.source.caption, [self.pair.target.caption], table=table)
        return engine.Edit(prompt=self.pair.target.caption, method=chosen.params)


def cases(count: int, *, first: int = HELD_OUT) -> Sequence[Case]:
    """So many edits of scenes from seed `first` on, the same ones on every call."""
    each = -(-count // len(KINDS))
    pairs = {kind: held_out_pairs(kind, each, first=first) for kind in KINDS}
    kinds = [KINDS[number % len(KINDS)] for number in range(count)]
    return [
        Case(number=number, kind=kind, pair=pairs[kind][number // len(KINDS)])
        for number, kind in enumerate(kinds)
    ]
