"""What is edited, and as which product would ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import engine
from miniature.pairs import KINDS, Pair, held_out_pairs
from miniature.recipe.data import HELD_OUT
from parameters import EDITS, INVERSIONS, resolved

INVERTERS = ("ddim", "direct", "stylediffusion-faithful", "stylediffusion")
METHODS = ("p2p", "p2plus")

LOCAL_BLEND = {
    "object": "confined to the words that change",
    "colour": "confined to the thing that is painted anew",
    "background": "kept off the thing in front",
    "style": "none",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One edit of one kind; numbers go round the kinds, so that any first few of them are balanced."""

    number: int
    kind: str
    pair: Pair

    @property
    def blend(self) -> dict[str, Any]:
        """The parameters of LocalBlend for this kind of edit, as `LOCAL_BLEND` puts it in words."""
        thing = self.pair.source.things[0].object
        match self.kind:
            case "object":
                return {"blend_words": "changed"}
            case "colour":
                return {"blend_words": [thing]}
            case "background":
                return {"subtract_words": [thing]}
        return {}

    def edit(self, method: str, params: Mapping[str, Any] | None = None) -> engine.Edit:
        """What is asked, with every parameter that is not given at its default."""
        asked = EDITS[method](**self.blend, **(params or {}))
        return engine.Edit(prompt=self.pair.target.caption, method=asked)


def cases(count: int, *, first: int = HELD_OUT) -> Sequence[Case]:
    """So many edits of scenes from seed `first` on, the same ones on every call."""
    each = -(-count // len(KINDS))
    pairs = {kind: held_out_pairs(kind, each, first=first) for kind in KINDS}
    kinds = [KINDS[number % len(KINDS)] for number in range(count)]
    return [
        Case(number=number, kind=kind, pair=pairs[kind][number // len(KINDS)])
        for number, kind in enumerate(kinds)
    ]


def defaults(models: engine.Backbone) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of everything that is measured, by name, as they are where nobody gives them."""
    inverters = {name: INVERSIONS[name]().model_dump() for name in INVERTERS}
    methods = {
        name: resolved(EDITS[name](), models.spec.defaults_of(name)).model_dump()
        | {"spec": repr(models.spec)}
        for name in METHODS
    }
    return inverters | methods
