"""How much of an edit is announced to be ahead, against what the denoiser then has to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

import engine
from engine import P2P, Edit, Plain, SourceCache


def test_the_rows_of_a_mask_of_predictions_are_announced(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    heard: list[tuple[str, int | None, int]] = []

    def hear(now: engine.Progress) -> None:
        heard.append((now.phase, now.rows and now.rows.done, sum(network_rows)))

    method = Plain(diffedit_mask=True, combine_masks="or")
    asked = Edit(prompt=("a dog on grass", "a red cat on grass"), method=method)
    engine.edit(model, record, asked, on_progress=hear)

    masks = [(told, taken) for phase, told, taken in heard if phase == "mask"]
    assert masks == [(10, 10), (20, 20), (30, 30)]


@pytest.mark.parametrize("pinned", [True, False])
def test_the_rows_ahead_are_those_that_the_denoiser_then_takes(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int], pinned: bool
) -> None:
    source, cache = replace(record, method="direct" if pinned else "ddim"), SourceCache(2**30)
    narrow, wide = P2P(tau_s=0.4, tau_c=0.6), P2P(tau_s=0.8)
    wholes = []
    for method in (narrow, narrow, wide):
        network_rows.clear()
        heard: list[engine.Progress] = []
        asked = Edit(prompt=("a dog on grass", "a red cat on grass"), method=method)
        engine.edit(model, source, asked, cache=cache, on_progress=heard.append)
        rows_seen = [one.rows for one in heard if one.rows]
        assert len(rows_seen) == record.steps
        assert {rows.done + rows.ahead for rows in rows_seen} == {sum(network_rows)}
        assert rows_seen[-1].ahead == 0
        wholes.append(sum(network_rows))
    assert wholes[0] > wholes[1]
    assert wholes[1] == 4 * record.steps
