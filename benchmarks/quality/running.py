"""Fill a ledger with what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import nn

import engine
from benchmarks.quality.cases import INVERTERS, METHODS, Case
from benchmarks.quality.ledger import CEILING, Ledger, Row, row_name
from benchmarks.quality.measuring import ceiling, measure, timed

_ROOM = 2 * 2**30


def run(
    models: engine.Backbone,
    critic: nn.Module,
    cases: Sequence[Case],
    ledger: Ledger,
    *,
    steps: int,
    shard: str,
    inverters: Sequence[str] = INVERTERS,
    tell: Callable[[str], None],
) -> None:
    """Measure every edit that is not there yet; what several edits need of a picture is made once."""
    bench = _Bench(models=models, critic=critic, ledger=ledger, steps=steps, shard=shard)
    there = {row.name for row in ledger.rows()}
    for case in cases:
        best = Row(
            number=case.number,
            kind=case.kind,
            inverter=CEILING,
            method=CEILING,
            measures=ceiling(models, critic, case),
        )
        if best.name not in there:
            ledger.add(shard, best)
        for inverter in inverters:
            for method in METHODS:
                if row_name(case.number, inverter, method) not in there:
                    bench.edit(case, inverter, method)
            tell(f"{case.number} {case.kind} {inverter}")


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """Where edits are measured, with the pictures inverted so far and the seconds that took."""

    models: engine.Backbone
    critic: nn.Module
    ledger: Ledger
    steps: int
    shard: str
    records: dict[str, tuple[engine.SourceRecord, float]] = field(default_factory=dict)
    cache: engine.SourceCache = field(default_factory=lambda: engine.SourceCache(_ROOM))

    def inverted(self, case: Case, inverter: str) -> tuple[engine.SourceRecord, float]:
        """The record of a picture, which several edits may share, and its seconds."""
        image, prompt = case.pair.image, case.pair.source.caption
        key = engine.record_key(self.models, image, prompt=prompt, method=inverter, steps=self.steps)
        if key not in self.records:
            self.records[key] = timed(
                lambda: engine.invert(self.models, image, prompt=prompt, method=inverter, steps=self.steps)
            )
        return self.records[key]

    def edit(self, case: Case, inverter: str, method: str) -> None:
        """Measure one edit, and keep what came of it."""
        record, invert_seconds = self.inverted(case, inverter)
        asked = case.edit(method)
        result, edit_seconds = timed(lambda: engine.edit(self.models, record, asked, cache=self.cache))
        row = Row(
            number=case.number,
            kind=case.kind,
            inverter=inverter,
            method=method,
            measures=measure(self.critic, case, result.source, result.images[0]),
            invert_seconds=round(invert_seconds, 3),
            edit_seconds=round(edit_seconds, 3),
        )
        self.ledger.add(self.shard, row, result.images[0])
