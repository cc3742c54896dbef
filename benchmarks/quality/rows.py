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
MASKS_IN_WORDS: Final = {
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
    "direct, p2p .2/.8": _row("p2p", "direct"),
    "direct, p2p .2/.8, not confined": _row("p2p", "direct", confined=False),
    "direct, p2p .4/.6 (published)": _row("p2p", "direct", tau_c=0.4, tau_s=0.6),
    "direct, p2plus .4/.6, tau_u .5": _row("p2plus", "direct", tau_c=0.4, tau_s=0.6, tau_u=0.5),
    "aligned, p2p .2/.8": _row("p2p", "aligned"),
    "aligned, p2p .2/.3": _row("p2p", "aligned", tau_s=0.3),
    "aligned, p2plus .4/.6, tau_u .5": _row("p2plus", "aligned", tau_c=0.4, tau_s=0.6, tau_u=0.5),
    "negative-prompt, p2p .2/.8": _row("p2p", "negative-prompt"),
    "stylediffusion, p2plus .2/.6": _row("p2plus", "stylediffusion"),
    "direct, pnp, not confined": _row("pnp", "direct", confined=False),
    "direct, pnp 1/.8 at 4, mask .5": _row("pnp", "direct", 4.0, tau_f=1.0, tau_a=0.8, blend_threshold=0.5),
    "direct, masactrl, not confined": _row("masactrl", "direct", confined=False),
    "uni-inv, uniedit, not confined": _row("uniedit", "uni-inv", confined=False),
    "encode, sdedit, not confined": _row("sdedit", "encode", confined=False),
    "edit-friendly, plain at 3, not confined": _row("plain", "edit-friendly", 3.0, confined=False),
    "edit-friendly, plain at 4, skip .36, not confined": _row(
        "plain", "edit-friendly", 4.0, confined=False, skip=0.36
    ),
    "edit-friendly, plain at 4, mask .5": _row("plain", "edit-friendly", 4.0, blend_threshold=0.5),
    "edit-friendly, p2p .2/.3 at 4, mask .5": _row(
        "p2p", "edit-friendly", 4.0, tau_s=0.3, blend_threshold=0.5
    ),
    "edit-friendly, p2p .2/.5 at 4, mask .5": _row(
        "p2p", "edit-friendly", 4.0, tau_s=0.5, blend_threshold=0.5
    ),
}


def rows() -> Mapping[str, Table]:
    """All rows, `auto` as the miniature's folder has it last."""
    chosen = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    return {**ROWS, AUTO: {kind: Recipe(**recipe) for kind, recipe in chosen.items()}}


def digest(table: Table) -> str:
    """Hash of the fields of a table's recipes that change the edit."""
    facts = {
        kind: table[kind].model_dump(exclude={"because"}, exclude_defaults=True) for kind in sorted(table)
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
