"""Noise levels and the one move, against formulas of their own and diffusers' steps."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from engine.noise import (
    Level,
    Prediction,
    clean,
    full_std,
    held,
    move,
    noised,
    parts,
    posterior_std,
    seeded_noise,
)
from engine.schedule import diffusion_schedule
from tests.engine.test_schedule import SD

ANGLES = (1.57, 1.2, 0.8, 0.3, 0.01)
PRESERVING = [Level(900 * angle, math.cos(angle), math.sin(angle)) for angle in ANGLES]
FLOW = [Level(1000 * sigma, 1 - sigma, sigma, "velocity") for sigma in (1.0, 0.9, 0.5, 0.1, 0.0)]


def drawn(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 4, 3, 5, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("levels", [PRESERVING, FLOW], ids=["preserving", "flow"])
def test_a_move_there_and_back_along_one_direction_is_no_move(levels: list[Level]) -> None:
    x, direction = drawn(2)
    for at, to in itertools.permutations(levels, 2):
        there = move(x, direction, at, to)

        torch.testing.assert_close(move(there, direction, to, at), x)
        torch.testing.assert_close(clean(there, direction, to), clean(x, direction, at))


@pytest.mark.parametrize("levels", [PRESERVING, FLOW], ids=["preserving", "flow"])
def test_a_move_keeps_what_x_is_made_of(levels: list[Level]) -> None:
    x0, eps = drawn(2)
    for at, to in itertools.permutations(levels, 2):
        direction = eps if at.holds == "noise" else eps - x0
        x = noised(x0, eps, at)

        for mine, true in zip(parts(x, direction, at), (x0, eps), strict=True):
            torch.testing.assert_close(mine, true, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(move(x, direction, at, to), noised(x0, eps, to))


def test_a_flow_moves_by_eulers_method() -> None:
    x, velocity = drawn(2)
    for at, to in itertools.permutations(FLOW, 2):
        torch.testing.assert_close(move(x, velocity, at, to), x + (to.s - at.s) * velocity)


@pytest.mark.parametrize("levels", [PRESERVING, FLOW], ids=["preserving", "flow"])
def test_fresh_noise_takes_the_place_of_as_much_of_the_old(levels: list[Level]) -> None:
    x0, eps, fresh = drawn(3)
    for at, to in itertools.pairwise(levels):
        direction = eps if at.holds == "noise" else eps - x0
        for std in (0.0, 0.4 * to.s, posterior_std(at, to), full_std(to)):
            moved = move(noised(x0, eps, at), direction, at, to, std, fresh)

            kept = max(to.s**2 - std**2, 0) ** 0.5
            torch.testing.assert_close(moved, to.a * x0 + kept * eps + std * fresh, rtol=1e-7, atol=1e-7)
        whole = move(noised(x0, eps, at), direction, at, to, full_std(to), fresh)
        torch.testing.assert_close(whole, noised(x0, fresh, to))


def test_the_posterior_is_ddpms() -> None:
    scheduler = DDPMScheduler(**{key: SD[key] for key in ("beta_start", "beta_end", "beta_schedule")})
    for timestep in (999, 500, 20, 1):
        at, to = (
            Level(time, bar**0.5, (1 - bar) ** 0.5)
            for time in (timestep, timestep - 1)
            for bar in [float(scheduler.alphas_cumprod[time])]
        )

        assert posterior_std(at, to) ** 2 == pytest.approx(float(scheduler._get_variance(timestep)), rel=1e-3)
        assert posterior_std(at, to, eta=0.5) == pytest.approx(0.5 * posterior_std(at, to))


@pytest.mark.parametrize("smallest", [0.0, 1e-12, 1e-9, 2.0**-24, 1e-5])
def test_the_posterior_from_pure_noise_is_all_of_the_noise(smallest: float) -> None:
    x, direction, noise = drawn(3)
    for to in (PRESERVING[2], FLOW[2], FLOW[-1]):
        at = Level(1000, smallest, 1.0, to.holds)
        std = posterior_std(at, to)

        assert std == pytest.approx(to.s, rel=1e-9)
        if smallest or at.holds == "velocity":
            assert torch.isfinite(move(x, direction, at, to, std, noise)).all()


@pytest.mark.parametrize("steps", [1, 10, 50])
def test_ddpm_steps_are_diffusers(steps: int) -> None:
    scheduler = DDIMScheduler(**{**SD, "timestep_spacing": "trailing"})
    scheduler.set_timesteps(steps)
    x, fresh = drawn(2)
    x, fresh = x.float(), fresh.float()
    for call, timestep in zip(
        diffusion_schedule(scheduler, steps).denoising(), scheduler.timesteps, strict=True
    ):
        eps = torch.tanh(x)
        theirs = scheduler.step(eps, int(timestep), x, eta=1.0, variance_noise=fresh).prev_sample
        mine = move(x, eps, call.at, call.to, posterior_std(call.at, call.to), fresh)

        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)
        x = mine


KINDS: list[Prediction] = ["epsilon", "v_prediction", "sample"]


@pytest.mark.parametrize("prediction", KINDS)
@pytest.mark.parametrize("level", PRESERVING[:-1])
def test_every_prediction_of_the_same_noise_is_held_alike(prediction: Prediction, level: Level) -> None:
    x0, eps = drawn(2)
    outputs = {"epsilon": eps, "v_prediction": level.a * eps - level.s * x0, "sample": x0}

    found = held(outputs[prediction], noised(x0, eps, level), level, prediction)

    torch.testing.assert_close(found, eps, rtol=1e-9, atol=1e-9)


def test_what_a_process_does_not_predict_is_refused() -> None:
    x = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match="velocities"):
        held(x, x, FLOW[0], "epsilon")
    with pytest.raises(ValueError, match="velocity"):
        held(x, x, PRESERVING[0], "velocity")


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
@pytest.mark.parametrize("steps", [1, 2, 10, 50])
def test_from_no_signal_at_all_sampling_is_diffusers_in_float64(prediction: Any, steps: int) -> None:
    variant = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    scheduler = DDIMScheduler(**{**SD, **variant, "prediction_type": prediction})
    scheduler.set_timesteps(steps)
    assert float(scheduler.alphas_cumprod[-1]) == 0
    x = drawn(1)[0]
    mine = x.float()
    for call, timestep in zip(
        diffusion_schedule(scheduler, steps).denoising(), scheduler.timesteps, strict=True
    ):
        x = scheduler.step(torch.tanh(x), int(timestep), x).prev_sample
        noise = held(torch.tanh(mine), mine, call.shown, prediction)
        mine = move(mine, noise, call.at, call.to)

        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine.double(), x, rtol=1e-5, atol=2e-6)


def test_noise_is_a_matter_of_its_seed_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    one, again, other = (seeded_noise((3, 2), seed, torch.device("cpu")) for seed in (1, 1, 2))

    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.rand(2), expected)
