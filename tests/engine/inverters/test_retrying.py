"""The second try of a step that came to NaN or infinity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import engine
from engine.errors import NumericalError
from engine.inverters import Source, faithful, fitting, stylediffusion
from tests.engine.inverters.inverting import inverted_by, make_source

STEPS = 3
BOTH = ["stylediffusion", "stylediffusion-faithful"]


@pytest.mark.parametrize("method", BOTH)
def test_nan_gets_one_more_try_in_float32(
    folder: Path,
    image: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    model = engine.load(folder, dtype="bfloat16")
    source, real, failed = make_source(model, image), fitting.together, []

    def together(model: engine.Backbone, *args: Any) -> Mapping[str, Tensor]:
        predictions = real(model, *args)
        if torch.is_grad_enabled() and model.dtype == torch.bfloat16 and not failed:
            failed.append(predictions)
            return {name: prediction * float("nan") for name, prediction in predictions.items()}
        return predictions

    monkeypatch.setattr(fitting, "together", together)
    inversion = inverted_by(method, model, source, STEPS, inner_steps=2)

    assert failed
    assert all(torch.isfinite(tensor).all() for tensor in inversion.learned.values())
    assert next(model.network.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize("method", BOTH)
def test_nan_that_stays_ends_the_inversion(
    model: engine.Backbone, source: Source, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    calls: list[int] = []
    real = fitting.together

    def together(*args: Any) -> Mapping[str, Tensor]:
        calls.append(torch.is_grad_enabled())
        more = float("inf") if torch.is_grad_enabled() else 0
        return {name: prediction + more for name, prediction in real(*args).items()}

    monkeypatch.setattr(fitting, "together", together)
    with pytest.raises(NumericalError) as caught:
        inverted_by(method, model, source, STEPS)

    assert (caught.value.phase, caught.value.step) == ("optimize", 0)
    assert sum(calls) == 2


Starts = list[tuple[Tensor, int]]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Starts]:
    """Breaks what steps carry over, and multiplies the start of the others; gives starts and pairs."""
    real = stylediffusion.minimise

    def breaking(factor: float) -> Starts:
        heard: Starts = []

        def minimise(evaluate: Any, start: Tensor, *, pairs: Any, **options: Any) -> Any:
            heard.append((start, len(pairs)))
            broken = float("nan") if pairs else factor if len(heard) > 1 else 1
            return real(evaluate, start * broken, pairs=pairs, **options)

        monkeypatch.setattr(stylediffusion, "minimise", minimise)
        return heard

    return breaking


def test_a_step_broken_by_what_it_was_given_starts_from_identity(
    model: engine.Backbone, source: Source, lossy: Callable[..., None], starts: Callable[[float], Starts]
) -> None:
    lossy(1e9)
    heard = starts(1)

    learned = inverted_by("stylediffusion", model, source, STEPS).learned

    (identity, _), *_ = heard
    assert [pairs > 0 for _, pairs in heard] == [False, True, False, True, False]
    assert all(torch.equal(start, identity) == (pairs == 0) for start, pairs in heard)
    for gamma, beta in zip(learned["gamma"], learned["beta"], strict=True):
        assert torch.isfinite(torch.stack([gamma, beta])).all()
        assert not (gamma == 1).all()


def test_a_step_that_breaks_from_identity_too_ends_the_inversion(
    model: engine.Backbone, source: Source, lossy: Callable[..., None], starts: Callable[[float], Starts]
) -> None:
    lossy(1e9)
    heard = starts(float("nan"))

    with pytest.raises(NumericalError) as caught:
        inverted_by("stylediffusion", model, source, STEPS)

    assert (caught.value.phase, caught.value.step) == ("optimize", 1)
    assert len(heard) == 3


def test_a_network_broken_by_the_step_before_starts_afresh(
    model: engine.Backbone, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, trained = faithful._trained, []

    def train(fitting: Any, task: Any, features: Tensor, mapping: Any, *rest: Any) -> Any:
        trained.append((task.index, mapping.layers[0].weight.detach().clone()))
        if len(trained) == 2:
            mapping.layers[0].weight.data *= float("nan")
        return real(fitting, task, features, mapping, *rest)

    monkeypatch.setattr(faithful, "_trained", train)

    learned = inverted_by("stylediffusion-faithful", model, source, STEPS, inner_steps=2).learned

    (_, first), (_, carried), (_, again), *_ = trained
    assert [index for index, _ in trained] == [0, 1, 1, 2]
    assert torch.equal(again, first)
    assert not torch.equal(carried, first)
    assert all(torch.isfinite(tensor).all() for tensor in learned.values())
