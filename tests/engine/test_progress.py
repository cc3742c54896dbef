"""What an edit says is still ahead, against what the U-Net then has to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

import engine
from engine import P2P, Edit, SourceCache


@pytest.mark.parametrize("pinned", [True, False])
def test_the_rows_ahead_are_those_that_the_unet_then_takes(
    models: engine.Models, record: engine.SourceRecord, unet_rows: list[int], pinned: bool
) -> None:
    source, cache = replace(record, pinned=pinned), SourceCache(2**30)
    narrow, wide = P2P(tau_s=0.4, tau_c=0.6), P2P(tau_s=0.8)
    wholes = []
    for method in (narrow, narrow, wide):
        unet_rows.clear()
        heard: list[engine.Progress] = []
        asked = Edit(prompt=("a dog on grass", "a red cat on grass"), method=method)
        engine.edit(models, source, asked, cache=cache, on_progress=heard.append)
        told = [one.rows for one in heard if one.rows]
        assert len(told) == record.steps
        assert {rows.done + rows.ahead for rows in told} == {sum(unet_rows)}
        assert told[-1].ahead == 0
        wholes.append(sum(unet_rows))
    assert wholes[0] > wholes[1]
    assert wholes[1] == 4 * record.steps
