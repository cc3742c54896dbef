"""StyleDiffusion, as published and fast: the same losses, and where each stops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image

import engine
from engine.inverters import Inversion, Source
from engine.inverters.fitting import Fitting
from engine.progress import silent
from miniature.scenes import sample
from tests.engine.inverters.inverting import inverted_by, make_source

STEPS = 3
FAST, FAITHFUL = BOTH = ["stylediffusion", "stylediffusion-faithful"]


def test_what_needs_nothing_learns_nothing(
    model: engine.Backbone, source: Source, lossy: Callable[..., None], network_rows: list[int]
) -> None:
    lossy(1e-30)

    inversion = inverted_by(FAST, model, source, STEPS)

    assert (inversion.learned["gamma"] == 1).all()
    assert (inversion.learned["beta"] == 0).all()
    assert network_rows == [1] * (3 * STEPS)


def test_what_a_step_leaves_over_the_next_may_use(
    model: engine.Backbone, source: Source, lossy: Callable[..., None], network_rows: list[int]
) -> None:
    lossy(1e-30, 1e9, 1e9)
    inverted_by(FAST, model, source, STEPS, inner_steps=4)

    assert len(network_rows) == STEPS + STEPS + 12


@pytest.mark.parametrize("method", BOTH)
def test_it_learns_where_its_caller_wants_no_gradients(
    model: engine.Backbone, source: Source, method: str
) -> None:
    with torch.no_grad():
        inversion = inverted_by(method, model, source, STEPS, inner_steps=2)

    assert not (inversion.learned["gamma"] == 1).all()
    assert not any(tensor.requires_grad for tensor in inversion.learned.values())


def test_one_look_at_the_picture_is_enough(model: engine.Backbone, source: Source) -> None:
    looks: list[int] = []
    hook = model.vision.register_forward_pre_hook(lambda *_: looks.append(1))
    for method in BOTH:
        inverted_by(method, model, source, STEPS, inner_steps=2)
    hook.remove()

    assert len(looks) == 1


@pytest.mark.parametrize("method", BOTH)
def test_pictures_need_not_be_square(
    model: engine.Backbone,
    picture: Callable[..., Image.Image],
    method: str,
) -> None:
    wide = make_source(model, picture(48, 32))

    inversion = inverted_by(method, model, wide, STEPS, inner_steps=2)

    assert inversion.trajectory.shape == (STEPS + 1, 4, 8, 12)
    assert inversion.learned["gamma"].shape == inversion.learned["beta"].shape == (STEPS, 24, 12)


@torch.no_grad()
def final(model: engine.Backbone, source: Source, inversion: Inversion) -> tuple[float, float]:
    """The sum of the losses, and the distance to the picture, along the guided run that nothing pins."""
    aim = Fitting.of(
        model, source, model.schedule(len(inversion.trajectory) - 1), model.spec.guidance_scale, silent
    )
    x, losses = aim.trajectory[-1:], []
    for index, call in aim.calls():
        gamma, beta = (inversion.learned[name][index][None] for name in ("gamma", "beta"))
        fit = aim.fit(aim.task(index, call, x), gamma, beta)
        x = fit.latent
        losses.append(float(fit.loss))
    return sum(losses), float((x - source.latent).square().mean())


@pytest.mark.slow
def test_the_fast_way_gets_as_far_in_a_third_of_the_calls() -> None:
    model = engine.load("miniature")
    scene = sample(2_000_000)
    source = make_source(model, scene.render(), scene.caption)
    calls: list[int] = []
    hook = model.network.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))

    published = inverted_by(FAITHFUL, model, source, STEPS, inner_steps=36)
    slow = sum(calls)
    fast = inverted_by(FAST, model, source, STEPS, inner_steps=11)
    hook.remove()

    assert 3 * (sum(calls) - slow) <= slow
    ours, theirs = (final(model, source, inversion) for inversion in (fast, published))
    assert (ours[0] <= theirs[0], ours[1] <= theirs[1]) == (True, True)
