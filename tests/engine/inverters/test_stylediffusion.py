"""StyleDiffusion, as published and fast: the same losses, and where each stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine.errors import InvalidParameter
from engine.inverters import Inversion, Source, StyleDiffusion, StyleDiffusionFaithful
from engine.inverters.fitting import Fitting
from engine.progress import silent
from miniature.scenes import sample

STEPS = 3
BOTH = [StyleDiffusion, StyleDiffusionFaithful]


def test_what_needs_nothing_learns_nothing(
    models: engine.Models, source: Source, lossy: Callable[..., None], unet_rows: list[int]
) -> None:
    lossy(1e-30)

    inversion = StyleDiffusion()(models, source, models.schedule(STEPS), silent)

    assert (inversion.learned["gamma"] == 1).all()
    assert (inversion.learned["beta"] == 0).all()
    assert unet_rows == [1] * (3 * STEPS)


def test_what_a_step_leaves_over_the_next_may_use(
    models: engine.Models, source: Source, lossy: Callable[..., None], unet_rows: list[int]
) -> None:
    lossy(1e-30, 1e9, 1e9)
    StyleDiffusion(inner_steps=4)(models, source, models.schedule(STEPS), silent)

    assert len(unet_rows) == STEPS + STEPS + 12


@pytest.mark.parametrize("inverter", BOTH)
def test_it_learns_where_its_caller_wants_no_gradients(
    models: engine.Models, source: Source, inverter: type[StyleDiffusion | StyleDiffusionFaithful]
) -> None:
    with torch.no_grad():
        inversion = inverter(inner_steps=2)(models, source, models.schedule(STEPS), silent)

    assert not (inversion.learned["gamma"] == 1).all()
    assert not any(tensor.requires_grad for tensor in inversion.learned.values())


def test_one_look_at_the_picture_is_enough(models: engine.Models, source: Source) -> None:
    looks: list[int] = []
    hook = models.vision.register_forward_pre_hook(lambda *_: looks.append(1))
    for inverter in BOTH:
        inverter(inner_steps=2)(models, source, models.schedule(STEPS), silent)
    hook.remove()

    assert len(looks) == 1


@pytest.mark.parametrize("inverter", BOTH)
def test_pictures_need_not_be_square(
    models: engine.Models,
    picture: Callable[..., Image.Image],
    source_of: Callable[..., Source],
    inverter: type[Any],
) -> None:
    wide = source_of(models, picture(48, 32))

    inversion: Inversion = inverter(inner_steps=2)(models, wide, models.schedule(STEPS), silent)

    assert inversion.trajectory.shape == (STEPS + 1, 4, 8, 12)
    assert inversion.learned["gamma"].shape == inversion.learned["beta"].shape == (STEPS, 24, 12)


@torch.no_grad()
def final(models: engine.Models, source: Source, inversion: Inversion) -> tuple[float, float]:
    """The sum of the losses, and the distance to the picture, along the guided run that nothing pins."""
    aim = Fitting.of(
        models, source, models.schedule(len(inversion.trajectory) - 1), models.spec.guidance_scale, silent
    )
    x, losses = aim.trajectory[-1:], []
    for index, move in aim.moves():
        gamma, beta = (inversion.learned[name][index][None] for name in ("gamma", "beta"))
        fit = aim.fit(aim.task(index, move, x), gamma, beta)
        x = fit.latent
        losses.append(float(fit.loss))
    return sum(losses), float((x - source.latent).square().mean())


def test_the_fast_way_gets_as_far_in_a_third_of_the_looks(source_of: Callable[..., Source]) -> None:
    models = engine.load("miniature")
    scene = sample(2_000_000)
    source = source_of(models, scene.render(), scene.caption)
    looks: list[int] = []
    hook = models.unet.register_forward_pre_hook(lambda *_: looks.append(torch.is_grad_enabled()))
    schedule = models.schedule(STEPS)

    published = StyleDiffusionFaithful(inner_steps=36)(models, source, schedule, silent)
    slow = sum(looks)
    fast = StyleDiffusion(inner_steps=11)(models, source, schedule, silent)
    hook.remove()

    assert 3 * (sum(looks) - slow) <= slow
    ours, theirs = (final(models, source, inversion) for inversion in (fast, published))
    assert (ours[0] <= theirs[0], ours[1] <= theirs[1]) == (True, True)


@pytest.mark.parametrize("inverter", BOTH)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guidance_scale", "7"),
        ("guidance_scale", float("nan")),
        ("guidance_scale", True),
        ("inner_steps", 0),
        ("inner_steps", 1.5),
        ("inner_steps", None),
    ],
)
def test_odd_parameters_are_refused_by_name(inverter: type[Any], name: str, value: object) -> None:
    with pytest.raises(InvalidParameter) as caught:
        inverter(**{name: value})

    assert caught.value.name == name
