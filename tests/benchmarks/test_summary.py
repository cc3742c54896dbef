"""From runs to bars."""

from __future__ import annotations

import pytest

from benchmarks.counting import Counts
from benchmarks.stylediffusion.fidelity import Fidelity
from benchmarks.stylediffusion.measuring import BLENDS, DEFAULT, FAITHFUL, PLAIN, EditRun, Preparation, Took
from benchmarks.stylediffusion.summary import Bar, bar_table, bars, count_table


def took(seconds: float) -> Took:
    return Took(wall=seconds, processor=seconds / 2)


def preparation(scene: int, variant: str, seconds: float, loss: float) -> Preparation:
    held = Fidelity(loss=loss, psnr=30 - loss)
    return Preparation(
        scene=scene, variant=variant, seconds=took(seconds), counts=Counts(unet_forward=7), fidelity=held
    )


def run(what: str, blend: str, record: str, seconds: float, apart: int | None = None) -> EditRun:
    return EditRun(
        scene=0,
        what=what,
        blend=blend,
        record=record,
        seconds=took(seconds),
        counts=Counts(vae_decode=1),
        apart=apart,
    )


PREPARED = [
    preparation(scene, variant, seconds, loss)
    for scene in range(3)
    for variant, seconds, loss in ((PLAIN, 100 + scene, 2.0), (DEFAULT, 10, 1.0), (FAITHFUL, 50, 2.0))
]
EDITS = [
    one
    for blend in BLENDS
    for one in (
        run("plain", blend, PLAIN, 12),
        run("first", blend, PLAIN, 8, apart=1),
        run("cached", blend, PLAIN, 4, apart=1),
        run("first", blend, DEFAULT, 6),
        run("cached", blend, DEFAULT, 3),
    )
]


def found() -> dict[str, Bar]:
    return {bar.name: bar for bar in bars(PREPARED, EDITS)}


def test_ratios_are_medians_of_neighbours() -> None:
    assert found()["preparation, plain / stylediffusion"].value == pytest.approx(10.1)
    assert found()["preparation, plain / stylediffusion-faithful"].value == pytest.approx(2.02)
    assert found()["edit with LocalBlend, plain / cached, of plain"].value == 3
    assert found()["edit without, plain / cached, of stylediffusion, processor time"].value == 4


def test_bars_are_met_or_not() -> None:
    assert all(bar.met is not False for bar in found().values())
    worse = [one for one in PREPARED if one.variant != DEFAULT]
    worse += [preparation(scene, DEFAULT, 20, 3.0) for scene in range(3)]
    missed = {bar.name for bar in bars(worse, EDITS) if bar.met is False}
    assert missed == {
        "preparation, plain / stylediffusion",
        "final loss, default",
        "PSNR in dB, default",
    }


def test_tables_have_every_line() -> None:
    assert bar_table(bars(PREPARED, EDITS)).row_count == len(found())
    assert count_table(PREPARED, EDITS).row_count == 3 + 2 * 5
