"""The one more chance that a step has whose numbers are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import engine
from engine.errors import NumericalError
from engine.inverters import Source, StyleDiffusion, StyleDiffusionFaithful, faithful, fitting, stylediffusion
from engine.progress import silent

STEPS = 3
BOTH = [StyleDiffusion, StyleDiffusionFaithful]


@pytest.mark.parametrize("inverter", BOTH)
def test_numbers_that_are_none_get_one_more_chance_in_float32(
    folder: Path,
    image: Image.Image,
    source_of: Callable[..., Source],
    monkeypatch: pytest.MonkeyPatch,
    inverter: type[Any],
) -> None:
    models = engine.load(folder, dtype="bfloat16")
    source, real, failed = source_of(models, image), fitting.call_unet, []

    def call_unet(models: engine.Models, *args: Any) -> Tensor:
        said = real(models, *args)
        if torch.is_grad_enabled() and models.dtype == torch.bfloat16 and not failed:
            failed.append(said)
            return said * float("nan")
        return said

    monkeypatch.setattr(fitting, "call_unet", call_unet)
    inversion = inverter(inner_steps=2)(models, source, models.schedule(STEPS), silent)

    assert failed
    assert all(torch.isfinite(tensor).all() for tensor in inversion.learned.values())
    assert next(models.unet.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize("inverter", BOTH)
def test_numbers_that_stay_none_end_the_inversion(
    models: engine.Models, source: Source, monkeypatch: pytest.MonkeyPatch, inverter: type[Any]
) -> None:
    calls: list[int] = []

    def call_unet(models: engine.Models, x: Tensor, *args: Any) -> Tensor:
        calls.append(torch.is_grad_enabled())
        return x + (float("inf") if torch.is_grad_enabled() else 0)

    monkeypatch.setattr(fitting, "call_unet", call_unet)
    monkeypatch.setattr(fitting, "_observe", lambda models, x, move, *_: (call_unet(models, x), (x,)))
    with pytest.raises(NumericalError) as caught:
        inverter()(models, source, models.schedule(STEPS), silent)

    assert (caught.value.phase, caught.value.step) == ("optimize", 0)
    assert sum(calls) == 2


Starts = list[tuple[Tensor, int]]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Starts]:
    """Breaks what steps carry over, and multiplies the start of the others; tells starts and pairs."""
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
    models: engine.Models, source: Source, lossy: Callable[..., None], starts: Callable[[float], Starts]
) -> None:
    lossy(1e9)
    heard = starts(1)

    learned = StyleDiffusion()(models, source, models.schedule(STEPS), silent).learned

    (identity, _), *_ = heard
    assert [pairs > 0 for _, pairs in heard] == [False, True, False, True, False]
    assert all(torch.equal(start, identity) == (pairs == 0) for start, pairs in heard)
    for gamma, beta in zip(learned["gamma"], learned["beta"], strict=True):
        assert torch.isfinite(torch.stack([gamma, beta])).all()
        assert not (gamma == 1).all()


def test_a_step_that_breaks_from_identity_too_ends_the_inversion(
    models: engine.Models, source: Source, lossy: Callable[..., None], starts: Callable[[float], Starts]
) -> None:
    lossy(1e9)
    heard = starts(float("nan"))

    with pytest.raises(NumericalError) as caught:
        StyleDiffusion()(models, source, models.schedule(STEPS), silent)

    assert (caught.value.phase, caught.value.step) == ("optimize", 1)
    assert len(heard) == 3


def test_a_network_broken_by_the_step_before_starts_afresh(
    models: engine.Models, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, trained = faithful.StyleDiffusionFaithful._train, []

    def train(self: Any, aim: Any, task: Any, features: Tensor, mapping: Any, heard: Any) -> Any:
        trained.append((task.index, mapping.layers[0].weight.detach().clone()))
        if len(trained) == 2:
            mapping.layers[0].weight.data *= float("nan")
        return real(self, aim, task, features, mapping, heard)

    monkeypatch.setattr(faithful.StyleDiffusionFaithful, "_train", train)
    inverter = StyleDiffusionFaithful(inner_steps=2)

    learned = inverter(models, source, models.schedule(STEPS), silent).learned

    (_, first), (_, carried), (_, again), *_ = trained
    assert [index for index, _ in trained] == [0, 1, 1, 2]
    assert torch.equal(again, first)
    assert not torch.equal(carried, first)
    assert all(torch.isfinite(tensor).all() for tensor in learned.values())
