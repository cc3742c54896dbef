"""The bridge between the engine's parameters and the wire's."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from pydantic import BaseModel

import engine
from api_schemas import INVERTERS, METHODS

BOTH = [
    *((INVERTERS[name], engine.INVERTERS.get(name)) for name in INVERTERS),
    *((METHODS[name], engine.METHODS.get(name)) for name in METHODS),
]


def test_the_wire_names_what_the_engine_can_do() -> None:
    assert set(INVERTERS) == set(engine.INVERTERS)
    assert set(METHODS) == set(engine.METHODS)


@pytest.mark.parametrize(("schema", "method"), BOTH, ids=[*INVERTERS, *METHODS])
def test_parameters_have_the_names_and_the_defaults_of_the_engine(
    schema: type[BaseModel], method: type | None
) -> None:
    assert method is not None
    assert is_dataclass(method)
    asked = schema().model_dump(exclude={"attention"})
    made: Any = method()
    known: Mapping[str, Any] = {field.name: getattr(made, field.name) for field in fields(made)}
    assert {name: _plain(value) for name, value in known.items()} == asked


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
