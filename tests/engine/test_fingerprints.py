"""Hashes of a model's files, kept beside them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from engine import fingerprints
from engine.fingerprints import KEPT


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with one file that has not changed lately."""
    file = tmp_path / "weights"
    file.write_bytes(b"1")
    long_ago = time.time() - 60
    os.utime(file, (long_ago, long_ago))
    return tmp_path


def test_what_a_process_left_of_kept_hashes_is_no_part_of_a_model(weights: Path) -> None:
    clean = fingerprints.of_place(weights)
    (weights / f"{KEPT}ab12").write_text("{")

    assert fingerprints.of_place(weights) == clean


def test_others_can_read_the_kept_hashes(weights: Path) -> None:
    fingerprints.of_place(weights)

    assert (weights / KEPT).stat().st_mode & 0o777 == 0o644


def test_hashes_that_cannot_be_written_leave_nothing_behind(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object, **_options: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(json, "dump", full)
    fingerprints.of_place(weights)

    assert [path.name for path in weights.iterdir()] == ["weights"]
