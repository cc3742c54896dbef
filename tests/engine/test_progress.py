"""How much of an edit is announced to be ahead, against what the denoiser then has to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

import engine
from engine import P2P, Edit, SourceCache


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
