"""Rows to one line of figures per way to edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.quality.cases import INVERTERS, METHODS
from benchmarks.quality.ledger import CEILING, Row

HEAD = (
    "inversion",
    "edit",
    "pairs",
    "reconstruction, dB",
    "outside, dB",
    "outside, SSIM",
    "to the truth, dB",
    "recognised, %",
    "inversion, s",
    "edit, s",
)
WAYS = ((CEILING, CEILING), *((inverter, method) for inverter in INVERTERS for method in METHODS))


@dataclass(frozen=True, kw_only=True)
class Line:
    """Means over the edits of one way, None where there is nothing to average."""

    inverter: str
    method: str
    pairs: int
    reconstruction: float | None
    outside_psnr: float | None
    outside_ssim: float | None
    truth: float | None
    recognised: float
    invert_seconds: float
    edit_seconds: float

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of `HEAD`."""
        ours = self.inverter != CEILING
        return (
            self.inverter if ours else "*autoencoder alone*",
            self.method if ours else "*the true edit*",
            str(self.pairs),
            _figure(self.reconstruction, 2),
            _figure(self.outside_psnr, 2),
            _figure(self.outside_ssim, 3),
            _figure(self.truth, 2),
            _figure(self.recognised, 1),
            _figure(self.invert_seconds if ours else None, 1),
            _figure(self.edit_seconds if ours else None, 1),
        )


def lines(rows: Sequence[Row], kind: str | None = None) -> list[Line]:
    """One line per way that was measured, the ceiling first; of one kind of edit, or of all."""
    chosen = [row for row in rows if kind is None or row.kind == kind]
    by_way = {way: [row for row in chosen if (row.inverter, row.method) == way] for way in WAYS}
    return [_line(*way, some) for way, some in by_way.items() if some]


def markdown(some: Sequence[Line]) -> str:
    """A table."""
    table = [HEAD, ("---",) * 3 + ("---:",) * (len(HEAD) - 3), *(line.cells for line in some)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in table)


def _line(inverter: str, method: str, rows: Sequence[Row]) -> Line:
    measures = [row.measures for row in rows]
    return Line(
        inverter=inverter,
        method=method,
        pairs=len(rows),
        reconstruction=mean([one.reconstruction for one in measures]),
        outside_psnr=mean([one.outside_psnr for one in measures]),
        outside_ssim=mean([one.outside_ssim for one in measures]),
        truth=mean([one.truth for one in measures]),
        recognised=100 * fmean(one.recognised for one in measures),
        invert_seconds=fmean(row.invert_seconds for row in rows),
        edit_seconds=fmean(row.edit_seconds for row in rows),
    )


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are there."""
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
