"""A grid of parameters, tried on the same inverted pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

from torch import nn

import engine
from benchmarks.quality.cases import Case
from benchmarks.quality.measuring import Measures, measure
from miniature.pairs import KINDS

Value = float | str
Params = Mapping[str, Value]
Prepared = tuple[Case, engine.SourceRecord]

NEARLY = 5.0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a setting gave, mean over the pictures; `recognised` in percent, overall and by kind of edit."""

    params: Params
    recognised: float
    by_kind: Mapping[str, float]
    outside_psnr: float
    outside_ssim: float
    truth: float

    @property
    def name(self) -> str:
        """The setting in words."""
        shown = {
            name: value if isinstance(value, str) else f"{value:g}" for name, value in self.params.items()
        }
        return ", ".join(f"{name} {value}" for name, value in shown.items())


def points(axes: Mapping[str, Sequence[Value]]) -> list[Params]:
    """All settings of a grid, the last axis fastest."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def prepared(models: engine.Backbone, cases: Sequence[Case], inverter: str, steps: int) -> list[Prepared]:
    """Every picture, inverted once."""
    return [
        (
            case,
            engine.invert(
                models, case.pair.image, prompt=case.pair.source.caption, method=inverter, steps=steps
            ),
        )
        for case in cases
    ]


def attempt(
    models: engine.Backbone,
    critic: nn.Module,
    pictures: Sequence[Prepared],
    method: str,
    settings: Sequence[Params],
    cache: engine.SourceCache,
    tell: Callable[[Tried], None],
) -> list[Tried]:
    """Edit every picture under every setting; a source is looked at once, since the cache keeps it."""
    results = []
    for params in settings:
        seen: list[tuple[str, Measures]] = []
        for case, record in pictures:
            result = engine.edit(models, record, case.edit(method, params), cache=cache)
            seen.append((case.kind, measure(critic, case, source=result.source, edited=result.images[0])))
        results.append(_summed(params, seen))
        tell(results[-1])
    return results


def choose(tried: Sequence[Tried]) -> Tried:
    """The setting nearest to the truth, among those whose edits are recognised nearly as often as any's.

    Distance alone would choose to change nothing, recognition alone to keep nothing.
    """
    enough = max(one.recognised for one in tried) - NEARLY
    return max((one for one in tried if one.recognised >= enough), key=lambda one: one.truth)


def _summed(params: Params, seen: Sequence[tuple[str, Measures]]) -> Tried:
    measures = [one for _, one in seen]
    kinds = {kind: [one.recognised for its, one in seen if its == kind] for kind in KINDS}
    return Tried(
        params=params,
        recognised=100 * fmean(one.recognised for one in measures),
        by_kind={kind: 100 * fmean(values) for kind, values in kinds.items() if values},
        outside_psnr=_mean([one.outside_psnr for one in measures]),
        outside_ssim=_mean([one.outside_ssim for one in measures]),
        truth=_mean([one.truth for one in measures]),
    )


def _mean(values: Sequence[float | None]) -> float:
    there = [value for value in values if value is not None]
    return fmean(there) if there else 0.0
