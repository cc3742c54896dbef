"""Every part finds the same data."""

from pathlib import Path

import pytest

import store
from pentimento.home import home
from store import StoreSettings


@pytest.mark.parametrize(
    ("chosen", "meant"),
    [
        ("~/data", "person/data"),
        ("here", "work/here"),
        ("", "person/.local/share/pentimento"),
        (None, "person/.local/share/pentimento"),
    ],
)
def test_the_home_is_the_same_to_commands_and_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, meant: str
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("PENTIMENTO_HOME", raising=False)
    if chosen is not None:
        monkeypatch.setenv("PENTIMENTO_HOME", chosen)
    assert home() == store.home() == tmp_path / meant
    assert StoreSettings().store == str(tmp_path / meant / "store")
