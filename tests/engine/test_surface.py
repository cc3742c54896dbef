"""What the engine offers."""

from __future__ import annotations

import engine


def test_everything_offered_is_there() -> None:
    assert len(set(engine.__all__)) == len(engine.__all__)
    assert all(hasattr(engine, name) for name in engine.__all__)


def test_every_error_a_caller_may_catch_is_offered() -> None:
    errors = {name for name in vars(engine.errors) if isinstance(vars(engine.errors)[name], type)}
    raised = {name for name in errors if issubclass(vars(engine.errors)[name], engine.PentimentoError)}

    assert raised <= set(engine.__all__)
