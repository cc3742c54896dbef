"""Edits of what stands where, as the report has them."""

from pathlib import Path

from benchmarks import layouts
from miniature.pairs import LAYOUT_KINDS


def test_the_report_names_every_kind_and_shows_it(tmp_path: Path) -> None:
    layouts.main(count=1, steps=2, out=tmp_path / "layouts.md")
    text = (tmp_path / "layouts.md").read_text()
    for kind in LAYOUT_KINDS:
        assert f"| {kind} | 1 |" in text
        assert (tmp_path / "images/layouts" / f"{kind}.png").exists()
