"""A picture to learn from, and losses made to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

import engine
from engine import codec
from engine.inverters import Source
from engine.inverters.fitting import Fit, Fitting, Task


def make_source(models: engine.Models, picture: Image.Image, prompt: str = "a cat on grass") -> Source:
    text = codec.embed(models, codec.tokens(models, prompt))
    return Source(picture=picture, latent=codec.encode(models, picture), text=text)


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Source]:
    """Makes the source that a model has in a picture, by a prompt."""
    return make_source


@pytest.fixture
def source(models: engine.Models, image: Image.Image) -> Source:
    """The picture that fits the tiny model, as its source."""
    return make_source(models, image)


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
