"""Demands of methods on a model, by the names of what a model can offer."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from parameters.errors import UnsupportedByModel

CROSS_ATTENTION: Final = "cross_attention"
SELF_ATTENTION: Final = "self_attention"
FEATURES: Final = "features"
UNCONDITIONAL: Final = "unconditional"
VISION_TOWER: Final = "vision_tower"

_IN_WORDS: Final = {
    CROSS_ATTENTION: "cross-attention layers",
    SELF_ATTENTION: "self-attention layers",
    FEATURES: "decoder of residual blocks",
    UNCONDITIONAL: "unconditional branch",
    VISION_TOWER: "vision tower in its image_encoder",
}


class Demand(NamedTuple):
    """A demand on a model: `what` the `parameter` of a request asks for can only be had with all of `needs`.

    The names are "cross_attention", "self_attention", "features" (those of a U-Net's decoder),
    "unconditional" (a second branch, for guidance between the two), "vision_tower", or those of a plug-in's
    own model family.
    `instead` says what would do without.
    """

    parameter: str
    what: str
    needs: frozenset[str]
    instead: str


FOUND_REGION: Final = Demand(
    parameter="region",
    what="a region that is found by words",
    needs=frozenset({CROSS_ATTENTION}),
    instead="give it as [x, y, width, height]",
)
"""The region of an edit where it is left to the attention of words."""

NEGATIVE_PROMPT: Final = Demand(
    parameter="negative_prompt",
    what="a negative prompt",
    needs=frozenset({UNCONDITIONAL}),
    instead="leave it out",
)

SEVERAL_BRANCHES: Final = Demand(
    parameter="method",
    what="guidance between several branches",
    needs=frozenset({UNCONDITIONAL}),
    instead="take a method that reads the target prompt alone, such as plain",
)
"""The guidance of a plan that reads more than the target prompt."""


def unmet(demands: Iterable[Demand], offers: Collection[str]) -> Demand | None:
    """The first of the demands that a model with these offers cannot meet, None if it can meet all."""
    return next((demand for demand in demands if not demand.needs <= set(offers)), None)


def lacking(demand: Demand, offers: Collection[str]) -> str:
    """What a model with these offers lacks for a demand, in words."""
    missing = sorted(demand.needs - set(offers))
    return "it has no " + " and no ".join(_IN_WORDS.get(name, name.replace("_", " ")) for name in missing)


def meet(demands: Iterable[Demand], model: str, offers: Collection[str]) -> None:
    """Raise `UnsupportedByModel` for the first demand that the model of this name does not meet."""
    if demand := unmet(demands, offers):
        raise UnsupportedByModel(
            demand.parameter, demand.what, model, lacking(demand, offers), demand.instead
        )
