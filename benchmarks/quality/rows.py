"""The rows of the report: ways to edit, each by name; a further one is a further line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal

from miniature import WEIGHTS
from parameters import Kind, Recipe, Table

AUTO: Final = "auto"
TABLE: Final = WEIGHTS / "auto.json"
MASKS: Final[Mapping[Kind, Literal["changed", "about", "kept"]]] = {
    Kind.SWAP: "changed",
    Kind.COLOUR: "about",
    Kind.BACKGROUND: "kept",
    Kind.REMOVED: "about",
}
"""Where an edit may change the picture, by the kind that its prompts show; others are not confined.

What is added is not there to be found, and what is there may have to make room.
"""
MASKS_TOLD: Final = {
    "a swap": "confined to the words that change",
    "a colour": "confined to the thing that is painted anew",
    "a background": "kept off the things in front",
    "a style": "not confined",
}


def _row(
    method: str,
    inversion: str | None = None,
    scale: float | None = None,
    *,
    confined: bool = True,
    **params: Any,
) -> Table:
    recipe = Recipe(inversion=inversion, method=method, guidance_scale=scale, params=params)
    masks = MASKS if confined else {}
    return {kind: recipe.model_copy(update={"mask": masks.get(kind)}) for kind in Kind}


ROWS: Final[Mapping[str, Table]] = {
    "ddim, p2p .2/.8": _row("p2p", "ddim"),
    "direct, p2p .2/.8": _row("p2p"),
    "direct, p2p .2/.8, not confined": _row("p2p", confined=False),
    "direct, p2p .4/.6 (published)": _row("p2p", tau_c=0.4, tau_s=0.6),
    "direct, p2p .2/.5": _row("p2p", tau_s=0.5),
    "direct, p2p .2/.3": _row("p2p", tau_s=0.3),
    "direct, p2plus .2/.6": _row("p2plus"),
    "direct, p2plus .4/.6, tau_u .5": _row("p2plus", tau_c=0.4, tau_s=0.6, tau_u=0.5),
    "direct, pnp": _row("pnp", confined=False),
    "stylediffusion, p2plus .2/.6": _row("p2plus", "stylediffusion"),
    "edit-friendly, plain at 3, not confined": _row("plain", "edit-friendly", 3.0, confined=False),
    "edit-friendly, plain at 4, skip .36, not confined": _row(
        "plain", "edit-friendly", 4.0, confined=False, skip=0.36
    ),
    "edit-friendly, plain at 4, mask .5": _row("plain", "edit-friendly", 4.0, blend_threshold=0.5),
    "edit-friendly, plain at 4, skip .12, mask .5": _row(
        "plain", "edit-friendly", 4.0, skip=0.12, blend_threshold=0.5
    ),
    "edit-friendly, p2p .2/.3 at 3, mask .5": _row(
        "p2p", "edit-friendly", 3.0, tau_s=0.3, blend_threshold=0.5
    ),
    "edit-friendly, p2p .2/.5 at 4, mask .5": _row(
        "p2p", "edit-friendly", 4.0, tau_s=0.5, blend_threshold=0.5
    ),
}


def rows() -> Mapping[str, Table]:
    """All rows, `auto` as the miniature's folder has it last."""
    told = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    return {**ROWS, AUTO: {kind: Recipe(**recipe) for kind, recipe in told.items()}}


def digest(table: Table) -> str:
    """What tells a table from others, whatever its recipes are said to be for."""
    facts = {
        kind: table[kind].model_dump(exclude={"because"}, exclude_defaults=True) for kind in sorted(table)
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
