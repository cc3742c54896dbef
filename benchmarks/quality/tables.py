"""Rows to one line of figures per way to edit, with how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.quality.ledger import CEILING, FLOOR, Row
from benchmarks.quality.rows import digest, rows
from miniature.intervals import bootstrapped

HEAD = (
    "inversion, edit",
    "edits",
    "recognised, %",
    "outside, dB",
    "to the truth, dB",
    "outside, SSIM",
    "model's own: outside, dB",
    "to the truth, dB",
    "reconstruction, dB",
    "inversion, s",
    "edit, s",
    "U-Net rows",
)
BOUNDS = {CEILING: "*the true edit, through the autoencoder*", FLOOR: "*the picture unchanged*"}
_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean and its 95 % interval by bootstrap over the edits."""

    value: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """The mean, and the interval behind it."""
        low, high = f"{self.low:.{digits}f}", f"{self.high:.{digits}f}"
        return f"{self.value:.{digits}f} ({low} to {high})"


@dataclass(frozen=True, kw_only=True)
class Line:
    """Means over the edits of one way, None where there is nothing to average."""

    name: str
    edits: int
    recognised: Mean | None
    outside: Mean | None
    truth: Mean | None
    outside_ssim: Mean | None
    model_outside: Mean | None
    model_truth: Mean | None
    reconstruction: Mean | None
    invert_seconds: float
    edit_seconds: float
    invert_rows: float
    edit_rows: float

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as text, in the order of `HEAD`."""
        ours = self.name not in BOUNDS
        return (
            BOUNDS.get(self.name, self.name),
            str(self.edits),
            _text(self.recognised, 0),
            _text(self.outside, 1),
            _text(self.truth, 2),
            _mean_alone(self.outside_ssim, 3),
            _mean_alone(self.model_outside, 1),
            _mean_alone(self.model_truth, 2),
            _mean_alone(self.reconstruction, 2),
            f"{self.invert_seconds:.1f}" if ours else "",
            f"{self.edit_seconds:.1f}" if ours else "",
            f"{self.invert_rows:.0f} + {self.edit_rows:.0f}" if ours else "",
        )


def current(some: Sequence[Row]) -> list[Row]:
    """Those of the rows that were measured with the recipes that the names stand for now, in their order."""
    known = {**dict.fromkeys(BOUNDS, ""), **{name: digest(table) for name, table in rows().items()}}
    order = {name: place for place, name in enumerate(known)}
    found = [row for row in some if known.get(row.name) == row.digest]
    return sorted(found, key=lambda row: (order[row.name], row.number))


def lines(some: Sequence[Row], kind: str | None = None) -> list[Line]:
    """One line per way that was measured, the bounds first; of one kind of edit, or of all."""
    chosen = [row for row in some if kind is None or row.kind == kind]
    names = dict.fromkeys(row.name for row in chosen)
    return [_line(name, [row for row in chosen if row.name == name]) for name in names]


def markdown(some: Sequence[Line]) -> str:
    """A table."""
    table = [HEAD, ("---",) + ("---:",) * (len(HEAD) - 1), *(line.cells for line in some)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in table)


def _line(name: str, some: Sequence[Row]) -> Line:
    def over(what: Callable[[Row], float | None]) -> Mean | None:
        return mean(map(what, some))

    recognised = over(lambda row: 100.0 * row.measures.recognised)
    return Line(
        name=name,
        edits=len(some),
        recognised=recognised,
        outside=over(lambda row: row.measures.outside_psnr),
        truth=over(lambda row: row.measures.truth),
        outside_ssim=over(lambda row: row.measures.outside_ssim),
        model_outside=over(lambda row: row.measures.model_outside),
        model_truth=over(lambda row: row.measures.model_truth),
        reconstruction=over(lambda row: row.measures.reconstruction),
        invert_seconds=fmean(row.invert_seconds for row in some),
        edit_seconds=fmean(row.edit_seconds for row in some),
        invert_rows=fmean(row.invert_rows for row in some),
        edit_rows=fmean(row.edit_rows for row in some),
    )


def mean(values: Iterable[float | None]) -> Mean | None:
    """The mean of those that are there."""
    there = [value for value in values if value is not None]
    if not there:
        return None
    value, low, high = bootstrapped(there, _RESAMPLES)
    return Mean(value=value, low=low, high=high)


def _text(value: Mean | None, digits: int) -> str:
    return "" if value is None else value.text(digits)


def _mean_alone(value: Mean | None, digits: int) -> str:
    return "" if value is None else f"{value.value:.{digits}f}"
