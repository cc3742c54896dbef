"""A picture to learn from, and losses made to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import engine
from engine.inverters import Source
from engine.inverters.fitting import Fit, Fitting, Task
from tests.engine.inverters.inverting import make_source


@pytest.fixture
def source(model: engine.Backbone, image: Image.Image) -> Source:
    """The picture that fits the tiny model, as its source."""
    return make_source(model, image)


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes losses larger or smaller, step by step, or all by one factor."""
    real = Fitting.fit

    def make(*factors: float) -> None:
        def fit(self: Fitting, task: Task, *args: Any) -> Fit:
            found, factor = real(self, task, *args), factors[task.index % len(factors)]
            return replace(
                found, reconstruction=found.reconstruction * factor, attention=found.attention * factor
            )

        monkeypatch.setattr(Fitting, "fit", fit)

    return make
