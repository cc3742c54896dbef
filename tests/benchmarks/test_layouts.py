"""Edits of what stands where, as the report has them."""

from pathlib import Path

import pytest

from benchmarks import layouts
from miniature import WEIGHTS
from miniature.pairs import LAYOUT_KINDS, held_out_pairs
from miniature.recipe import wide_judge


@pytest.mark.parametrize("kind", [kind for kind in LAYOUT_KINDS if kind != "move"])
def test_the_judge_tells_a_true_edit_from_none(kind: str) -> None:
    critic = wide_judge.load(WEIGHTS)
    for pair in held_out_pairs(kind, 3):
        assert layouts.shows(critic, kind, pair, pair.truth)
        assert not layouts.shows(critic, kind, pair, pair.image)


def test_the_report_names_every_kind_and_shows_it(tmp_path: Path) -> None:
    layouts.main(count=1, steps=2, out=tmp_path / "layouts.md")
    text = (tmp_path / "layouts.md").read_text()
    for kind in LAYOUT_KINDS:
        assert f"| {kind} | 1 |" in text
        assert (tmp_path / "images/layouts" / f"{kind}.png").exists()
