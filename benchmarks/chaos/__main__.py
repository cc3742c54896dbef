"""``python -m benchmarks.chaos``: a thousand jobs from sixteen clients while everything that can fail fails.

First a calm run says which bytes every edit makes. Then, on another fleet of real processes, each fault is
injected while its share of the jobs is asked for, as many for each, and at last faults at random. After each
the auditor compares every accepted job with its outcome. The exit status is 1 unless every number is 0.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.chaos.auditor import Auditor, Verdict
from benchmarks.chaos.clients import Clients, Wish
from benchmarks.chaos.faults import FAULTS, SKIPPED, Fault
from benchmarks.chaos.fleet import Fleet, until

_AT_RANDOM = "faults at random"
_OVER_S = 6.0  # so that requests come before, during and after the fault
_BEGIN, _END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one fault, or several at random, did to its share of the jobs."""

    fault: str
    jobs: int
    again: int
    seconds: float
    verdict: Verdict


def main(
    jobs: Annotated[
        int, typer.Option(min=len(FAULTS) + 1, help="How many edits, all faults together.")
    ] = 1000,
    clients: Annotated[int, typer.Option(min=1)] = 16,
    seed: int = 0,
    faults: Annotated[list[str] | None, typer.Option(help="Only these; all and random ones without.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the table into this page.")] = None,
) -> None:
    """Run it and print the table."""
    chosen = {name: FAULTS[name] for name in faults or FAULTS}
    console, random = Console(stderr=True, width=140), Random(seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        expected = _calm(Path(folder) / "calm", seed)
        console.print(f"a calm run made {len(expected)} different edits")
        rows = _chaos(Path(folder) / "chaos", chosen, jobs, clients, random, seed, expected, console)
    table = _table(rows)
    Console(width=140).print(table)
    for name, why in SKIPPED.items():
        console.print(f"skipped: {name}: {why}")
    for row in rows:
        for note in row.verdict.notes[:10]:
            console.print(f"{row.fault}: {note}")
    if report is not None:
        _write(report, rows)
    if any(count for row in rows for count in row.verdict.counts.values()):
        sys.exit(1)


def _calm(folder: Path, seed: int) -> dict[Wish, str]:
    folder.mkdir()
    with Fleet(folder) as fleet:
        asking = Clients(fleet.urls, seed)
        asking.run(asking.every(), 1, "calm")
        with Auditor(fleet) as auditor:
            return auditor.results(asking.book)


def _chaos(
    folder: Path,
    faults: dict[str, Fault],
    jobs: int,
    clients: int,
    random: Random,
    seed: int,
    expected: dict[Wish, str],
    console: Console,
) -> list[Row]:
    folder.mkdir()
    rounds: list[tuple[str, Sequence[Fault]]] = [(name, [fault]) for name, fault in faults.items()]
    if len(faults) == len(FAULTS):
        rounds.append((_AT_RANDOM, [random.choice(list(faults.values())) for _ in range(6)]))
    rows = []
    with Fleet(folder) as fleet, Auditor(fleet) as auditor, ThreadPoolExecutor(1) as threads:
        for number, (name, injected) in enumerate(rounds):
            began = time.monotonic()
            asking = Clients(fleet.urls, seed + number)
            share = jobs // len(rounds)
            terms = (clients, f"{seed}-{number}", _OVER_S * len(injected))
            asked = threads.submit(asking.run, asking.wishes(share), *terms)
            time.sleep(1 + random.random())
            broken = []
            for fault in injected:
                try:
                    fault(fleet, random)
                except (RuntimeError, TimeoutError) as error:
                    broken.append(str(error))
                time.sleep(0.5 + random.random())
            try:
                asked.result()
            except (RuntimeError, TimeoutError) as error:
                broken.append(str(error))
            until(fleet.ready, 120, f"the service to be ready after {name}")
            verdict = auditor.audit(asking.book, expected)
            for note in broken:
                verdict.add("wrong", note)
            again = sum(asking.book.answers.values()) - asking.book.answers["202"]
            rows.append(
                Row(fault=name, jobs=share, again=again, seconds=time.monotonic() - began, verdict=verdict)
            )
            console.print(f"{name}: {share} jobs, {again} asked again, {verdict.counts}")
    return rows


def _table(rows: Sequence[Row]) -> Table:
    table = Table("fault", "jobs", "asked again", *Verdict().counts, "seconds")
    for cells in _cells(rows):
        table.add_row(*cells)
    return table


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    return [
        [row.fault, str(row.jobs), str(row.again)]
        + [str(count) for count in row.verdict.counts.values()]
        + [f"{row.seconds:.0f}"]
        for row in rows
    ]


def _write(page: Path, rows: Sequence[Row]) -> None:
    heads = ["fault", "jobs", "asked again", *Verdict().counts, "seconds"]
    lines = [" | ".join(cells) for cells in [heads, ["---"] * len(heads), *_cells(rows)]]
    skipped = [f"\nSkipped: {name} ({why})." for name, why in SKIPPED.items()]
    day = datetime.now(UTC).date()
    text = "\n".join([_BEGIN, f"Run on {day}.\n", *(f"| {line} |" for line in lines), *skipped, _END])
    before, _, rest = page.read_text().partition(_BEGIN)
    page.write_text(before + text + rest.partition(_END)[2])


if __name__ == "__main__":
    typer.run(main)
