"""The engine's methods and the parameters that select them."""

import pytest

import engine
from parameters import EDITS, INVERSIONS


def test_the_engine_can_do_whatever_has_parameters() -> None:
    assert set(engine.INVERTERS) == set(INVERSIONS)
    assert set(engine.METHODS) == set(EDITS)


@pytest.mark.parametrize("name", INVERSIONS)
def test_an_inversion_is_selected_by_its_parameters(name: str) -> None:
    assert engine.INVERTERS[name].params is INVERSIONS[name]


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_method_is_selected_by_its_parameters(name: str) -> None:
    assert engine.METHODS[name].params is EDITS[name]
