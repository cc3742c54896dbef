"""The figures that the bars ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from rich.table import Table

from benchmarks.stylediffusion.measuring import BLENDS, DEFAULT, FAITHFUL, PLAIN, EditRun, Preparation

CLOCKS = {"wall": "", "processor": ", processor time"}
COUNTED = {
    "unet_forward": "U-Net forward",
    "unet_backward": "U-Net backward",
    "vision": "vision",
    "vae_encode": "VAE encode",
    "vae_decode": "VAE decode",
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One figure and what it should reach; `most` where less is better."""

    name: str
    value: float
    bar: float | None = None
    most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it does; None where nothing is asked."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.most else self.value >= self.bar


def bars(prepared: Sequence[Preparation], edits: Sequence[EditRun]) -> list[Bar]:
    """Ratios of seconds, medians over pairs of runs next to each other, of the same picture."""
    losses = {variant: _held(prepared, variant, "loss") for variant in (PLAIN, DEFAULT, FAITHFUL)}
    psnrs = {variant: _held(prepared, variant, "psnr") for variant in (PLAIN, DEFAULT, FAITHFUL)}
    found = [
        Bar(name="final loss, plain", value=losses[PLAIN]),
        Bar(name="final loss, default", value=losses[DEFAULT], bar=losses[PLAIN], most=True),
        Bar(name="final loss, faithful", value=losses[FAITHFUL]),
        Bar(name="PSNR in dB, plain", value=psnrs[PLAIN]),
        Bar(name="PSNR in dB, default", value=psnrs[DEFAULT], bar=psnrs[PLAIN]),
        Bar(name="PSNR in dB, faithful", value=psnrs[FAITHFUL]),
    ]
    for clock, said in CLOCKS.items():
        asked = clock == "wall"
        for slow, fast, bar in ((PLAIN, DEFAULT, 8), (FAITHFUL, DEFAULT, None), (PLAIN, FAITHFUL, None)):
            name = f"preparation, {slow} / {fast}{said}"
            value = _preparations(prepared, slow, fast, clock)
            found.append(Bar(name=name, value=value, bar=bar if asked else None))
        for blend in BLENDS:
            ours = [run for run in edits if run.blend == blend]
            for whose in (PLAIN, DEFAULT):
                name = f"edit {blend}, plain / cached, of {whose}{said}"
                found.append(Bar(name=name, value=_edits(ours, whose, clock), bar=3 if asked else None))
    for blend in BLENDS:
        apart = [run.apart for run in edits if run.blend == blend and run.apart is not None]
        found.append(
            Bar(name=f"edit {blend}, largest difference in 0..255", value=max(apart), bar=1, most=True)
        )
    return found


def bar_table(found: Sequence[Bar]) -> Table:
    """The bars as a table."""
    table = Table("figure", "measured", "bar", "met", title="StyleDiffusion, plain and ours")
    for one in found:
        asked = "" if one.bar is None else f"{'<=' if one.most else '>='} {one.bar:.4g}"
        table.add_row(one.name, f"{one.value:.4g}", asked, {None: "", True: "yes", False: "no"}[one.met])
    return table


def count_table(prepared: Sequence[Preparation], edits: Sequence[EditRun]) -> Table:
    """Medians of seconds, means of counts: rows through the U-Net, pictures through the rest."""
    table = Table("", "seconds", "of processor", *COUNTED.values(), title="per picture and per edit")
    groups: dict[str, list[Preparation | EditRun]] = {}
    for preparation in prepared:
        groups.setdefault(f"preparation, {preparation.variant}", []).append(preparation)
    for run in edits:
        groups.setdefault(f"edit {run.blend}, {run.what}, of {run.record}", []).append(run)
    for name, runs in groups.items():
        counts = [run.counts for run in runs]
        figures = [fmean(getattr(count, field) for count in counts) for field in COUNTED]
        seconds = [median(getattr(run.seconds, clock) for run in runs) for clock in CLOCKS]
        table.add_row(name, *(f"{one:.2f}" for one in seconds), *(f"{one:g}" for one in figures))
    return table


def _held(prepared: Sequence[Preparation], variant: str, what: str) -> float:
    return fmean(getattr(one.fidelity, what) for one in prepared if one.variant == variant)


def _preparations(prepared: Sequence[Preparation], slow: str, fast: str, clock: str) -> float:
    seconds = {(one.scene, one.variant): getattr(one.seconds, clock) for one in prepared}
    return median(seconds[scene, slow] / seconds[scene, fast] for scene in {one.scene for one in prepared})


def _edits(runs: Sequence[EditRun], whose: str, clock: str) -> float:
    plainly = [getattr(run.seconds, clock) for run in runs if run.what == "plain"]
    cached = [getattr(run.seconds, clock) for run in runs if run.what == "cached" and run.record == whose]
    return median(slow / fast for slow, fast in zip(plainly, cached, strict=True))
