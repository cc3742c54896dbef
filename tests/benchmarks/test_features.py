"""How much a cache of source features saves at every size, counted."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from benchmarks.features import savings
from tests.engine.conftest import picture_of, save_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> engine.Backbone:
    folder: Path = save_model(tmp_path_factory.mktemp("tiny"))
    return engine.load(folder)


@pytest.mark.parametrize("method", ["direct", "ddim"])
def test_what_fits_is_found_again(model: engine.Backbone, method: str) -> None:
    record = engine.invert(model, picture_of(32, 32), prompt="a cat on grass", method=method, steps=10)
    found = savings(model, record, engine.Edit(prompt="a dog on grass"), (0.1, 0.5, 0.9, 1.0))

    by_share = {each.share: each.saved for each in found}
    assert list(by_share.values()) == sorted(by_share.values())
    assert by_share[0.1] < 0.2
    assert by_share[0.5] >= 0.5
    assert by_share[0.9] >= 0.75
    assert by_share[1.0] == 1.0
