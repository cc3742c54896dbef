"""Fill a ledger with what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from benchmarks.quality.bench import Bench
from benchmarks.quality.cases import Case
from benchmarks.quality.ledger import CEILING, FLOOR, Ledger, Row
from benchmarks.quality.measuring import ceiling, measure
from benchmarks.quality.rows import digest
from parameters import Table


def run(
    bench: Bench,
    critic: nn.Module,
    cases: Sequence[Case],
    ledger: Ledger,
    *,
    rows: Mapping[str, Table],
    shard: str,
    tell: Callable[[str], None],
) -> None:
    """Measure every edit that is not there yet; what several edits need of a picture is made once."""
    there = {(row.number, row.name, row.digest) for row in ledger.rows()}
    for case in cases:
        bounds = {
            CEILING: lambda case=case: ceiling(bench.models, critic, case),
            FLOOR: lambda case=case: measure(critic, case, source=case.pair.image, edited=case.pair.image),
        }
        for name, measured in bounds.items():
            if (case.number, name, "") not in there:
                ledger.add(shard, Row(number=case.number, kind=case.kind, name=name, measures=measured()))
        for name, table in rows.items():
            if (case.number, name, digest(table)) not in there:
                _edit(bench, critic, case, ledger, name, table, shard)
                tell(f"{case.number} {case.kind} {name}")


def _edit(
    bench: Bench, critic: nn.Module, case: Case, ledger: Ledger, name: str, table: Table, shard: str
) -> None:
    """Measure one edit, and keep what came of it."""
    done = bench.edit(table, case.pair)
    (edited,) = done.result.images
    row = Row(
        number=case.number,
        kind=case.kind,
        name=name,
        digest=digest(table),
        measures=measure(critic, case, source=done.result.source, edited=edited, answer=done.answer),
        invert_seconds=round(done.invert_seconds, 3),
        edit_seconds=round(done.edit_seconds, 3),
        invert_rows=done.invert_rows,
        edit_rows=done.edit_rows,
    )
    ledger.add(shard, row, done.answer)
