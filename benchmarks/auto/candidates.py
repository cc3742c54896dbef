"""The ways to edit that compete for each kind of change; a further one is a further line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.quality.rows import MASKS
from parameters import Kind, Recipe


def _way(method: str, inversion: str | None = None, scale: float | None = None, **params: Any) -> Recipe:
    return Recipe(inversion=inversion, method=method, guidance_scale=scale, params=params)


def _free(scale: float, **params: Any) -> Recipe:
    return _way("plain", "edit-friendly", scale, **params)


OPEN: Final[Mapping[str, Recipe]] = {
    "aligned p2p .2/.8": _way("p2p"),
    "aligned p2p .2/.3": _way("p2p", tau_s=0.3),
    "aligned p2plus .4/.6/.5": _way("p2plus", tau_c=0.4, tau_s=0.6, tau_u=0.5),
    "pnp .8/.5": _way("pnp"),
    "pnp 1/.8 at 4": _way("pnp", scale=4.0, tau_f=1.0, tau_a=0.8),
    "edit-friendly plain 3": _free(3.0),
    "edit-friendly plain 4": _free(4.0),
    "edit-friendly p2p .2/.3 at 3": _way("p2p", "edit-friendly", 3.0, tau_s=0.3),
    "edit-friendly p2p .2/.3 at 4": _way("p2p", "edit-friendly", 4.0, tau_s=0.3),
}
"""Ways that change the picture everywhere."""

CONFINED: Final[Mapping[str, Recipe]] = {
    "aligned p2p .2/.8": _way("p2p"),
    "aligned p2plus .4/.6/.5": _way("p2plus", tau_c=0.4, tau_s=0.6, tau_u=0.5),
    "pnp .8/.5, mask .5": _way("pnp", blend_threshold=0.5),
    "pnp .8/.5 at 4, mask .5": _way("pnp", scale=4.0, blend_threshold=0.5),
    "pnp 1/.8 at 4, mask .5": _way("pnp", scale=4.0, tau_f=1.0, tau_a=0.8, blend_threshold=0.5),
    "sdedit .7, mask .5": _way("sdedit", "encode", strength=0.7, blend_threshold=0.5),
    "edit-friendly plain 4, mask .5": _free(4.0, blend_threshold=0.5),
    "edit-friendly plain 4, mask .7": _free(4.0, blend_threshold=0.7),
    "edit-friendly p2p .2/.3 at 3, mask .5": _way(
        "p2p", "edit-friendly", 3.0, tau_s=0.3, blend_threshold=0.5
    ),
    "edit-friendly p2p .2/.3 at 4, mask .5": _way(
        "p2p", "edit-friendly", 4.0, tau_s=0.3, blend_threshold=0.5
    ),
    "edit-friendly p2p .2/.3 at 4, mask .7": _way(
        "p2p", "edit-friendly", 4.0, tau_s=0.3, blend_threshold=0.7
    ),
    "edit-friendly p2p .2/.5 at 4, mask .5": _way(
        "p2p", "edit-friendly", 4.0, tau_s=0.5, blend_threshold=0.5
    ),
    "edit-friendly p2plus .4/.6/.5 at 4, mask .5": _way(
        "p2plus", "edit-friendly", 4.0, tau_c=0.4, tau_s=0.6, tau_u=0.5, blend_threshold=0.5
    ),
}
"""Ways that change it only where the words of the edit's kind are."""

CLEARED: Final[Mapping[str, Recipe]] = {
    "edit-friendly plain 3, ground, mask .5": _free(3.0, blend_threshold=0.5),
    "edit-friendly plain 3, ground, mask .3": _free(3.0, blend_threshold=0.3),
    "aligned plain, ground, mask .5": _way("plain", blend_threshold=0.5),
    "aligned plain, ground, mask .3": _way("plain", blend_threshold=0.3),
}
"""Ways that paint the background where a thing is removed."""


def candidates(kind: Kind) -> Iterator[tuple[str, Recipe]]:
    """Names and recipes that are tried on edits of this kind."""
    if kind not in MASKS or kind is Kind.REMOVED:
        yield from OPEN.items()
    if mask := MASKS.get(kind):
        for name, recipe in CONFINED.items():
            yield f"{name}, masked", recipe.model_copy(update={"mask": mask})
    if kind is Kind.REMOVED:
        for name, recipe in CLEARED.items():
            yield name, recipe.model_copy(update={"mask": MASKS[kind], "paint": "ground"})
