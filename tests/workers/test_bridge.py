"""The bridge between the engine's methods and their parameters."""

from dataclasses import fields, is_dataclass

import pytest

import engine
from parameters import EDITS, INVERSIONS, Parameters

BOTH = [
    *((INVERSIONS[name], method) for name, method in engine.INVERTERS.items()),
    *((EDITS[name], method) for name, method in engine.METHODS.items()),
]


@pytest.mark.parametrize(("params", "method"), BOTH, ids=[params.name for params, _ in BOTH])
def test_what_the_engine_takes_has_its_name_in_the_parameters(params: type[Parameters], method: type) -> None:
    assert is_dataclass(method)
    assert {field.name for field in fields(method)} <= set(params.model_fields)
