"""The levels of a run against diffusers' own schedulers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler, FlowMatchEulerDiscreteScheduler

from engine.errors import InvalidParameter
from engine.noise import Call, held, move
from engine.schedule import diffusion_schedule, flow_schedule

SD: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"steps_offset": 0},
    {"prediction_type": "v_prediction"},
    {"prediction_type": "sample"},
    {"timestep_spacing": "trailing"},
    {"timestep_spacing": "trailing", "prediction_type": "v_prediction"},
    {"set_alpha_to_one": True},
]


def test_the_grids_of_stable_diffusion() -> None:
    scheduler = DDIMScheduler(**SD)

    assert diffusion_schedule(scheduler, 50).timesteps == tuple(range(1, 1000, 20))
    assert diffusion_schedule(scheduler, 30).timesteps == tuple(range(1, 959, 33))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("steps", [2, 10, 50])
def test_denoising_is_what_diffusers_does(variant: dict[str, Any], steps: int) -> None:
    scheduler = DDIMScheduler(**{**SD, **variant})
    scheduler.set_timesteps(steps)
    calls = diffusion_schedule(scheduler, steps).denoising()
    x = mine = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))

    for timestep, call in zip(scheduler.timesteps, calls, strict=True):
        output = torch.tanh(x + call.shown.timestep / 1000)
        own = torch.tanh(mine + call.shown.timestep / 1000)
        x = scheduler.step(output, timestep, x).prev_sample
        noise = held(own, mine, call.shown, scheduler.config.prediction_type)
        mine = move(mine, noise, call.at, call.to)

        assert call.shown.timestep == timestep
        torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


# Of epsilon only: diffusers reads other predictions at the level left, though it asks at the one gone to.
@pytest.mark.parametrize("variant", [{}, {"timestep_spacing": "trailing"}], ids=str)
@pytest.mark.parametrize("steps", [10, 50])
def test_inversion_is_what_diffusers_does(variant: dict[str, Any], steps: int) -> None:
    config = {**SD, **variant}
    inverse = DDIMInverseScheduler(**config)
    inverse.set_timesteps(steps)
    calls = diffusion_schedule(DDIMScheduler(**config), steps).inversion()
    x = mine = torch.randn(1, 4, 5, 3, generator=torch.Generator().manual_seed(1))

    for timestep, call in zip(inverse.timesteps, calls, strict=True):
        noise = held(torch.tanh(mine), mine, call.shown, "epsilon")
        x = inverse.step(torch.tanh(x), int(timestep), x).prev_sample
        mine = move(mine, noise, call.at, call.to)

        assert call.shown.timestep == timestep
        torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("steps", [7, 30, 333])
def test_neighbours_come_from_the_grid_where_the_steps_do_not_divide_it(spacing: str, steps: int) -> None:
    scheduler = DDIMScheduler(**{**SD, "timestep_spacing": spacing})
    scheduler.set_timesteps(steps)
    schedule = diffusion_schedule(scheduler, steps)
    calls = schedule.denoising()

    assert [call.shown.timestep for call in calls] == scheduler.timesteps.tolist()
    assert all(call.shown == call.at for call in calls)
    assert all(one.to == other.at for one, other in itertools.pairwise(calls))
    assert calls[-1].to.a ** 2 == pytest.approx(float(scheduler.final_alpha_cumprod))
    assert [Call(call.at, call.to, call.at) for call in reversed(calls)] == list(schedule.inversion())


def test_where_a_run_ends_need_not_be_clean() -> None:
    schedule = diffusion_schedule(DDIMScheduler(**SD), 10)
    ending = diffusion_schedule(DDIMScheduler(**{**SD, "set_alpha_to_one": True}), 10)

    assert (schedule.clean.a, schedule.clean.s) == (1, 0)
    assert schedule.levels[0].s > 0
    assert (ending.levels[0].a, ending.levels[0].s) == (1, 0)
    assert len(schedule) == 10


@pytest.mark.parametrize("offset", [0, 1])
def test_leading_steps_reach_the_noisy_end_however_many_there_are(offset: int) -> None:
    scheduler = DDIMScheduler(**{**SD, "steps_offset": offset})
    for steps in (*range(1, 130), *range(130, 1000, 29), 334, 500, 501, 999, 1000):
        timesteps = diffusion_schedule(scheduler, steps).timesteps

        assert len(set(timesteps)) >= steps - 1
        assert list(timesteps) == sorted(timesteps)
        assert timesteps[0] >= 0
        assert timesteps[-1] <= 999
        assert timesteps[-1] >= 1000 - 2 * (1000 // steps)


def test_leading_steps_are_diffusers_at_the_usual_numbers() -> None:
    scheduler = DDIMScheduler(**SD)
    for steps in (*range(2, 32), 35, 40, 45, 50, 100, 200, 250, 333, 500):
        scheduler.set_timesteps(steps)

        assert list(diffusion_schedule(scheduler, steps).timesteps) == scheduler.timesteps.tolist()[::-1]


def test_all_training_steps_are_finite() -> None:
    scheduler = DDIMScheduler(**{**SD, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"})
    x = torch.ones(1, 1, 2, 2)
    for call in diffusion_schedule(scheduler, 1000).denoising():
        x = move(x, held(torch.zeros_like(x), x, call.shown, "v_prediction"), call.at, call.to)

    assert torch.isfinite(x).all()


@pytest.mark.parametrize("steps", [1, 10, 28])
def test_a_flow_is_what_diffusers_does(steps: int) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(steps)
    schedule = flow_schedule(scheduler.sigmas[:-1].tolist(), 1000)
    x = mine = torch.randn(1, 4, 5, 3, generator=torch.Generator().manual_seed(1))

    for timestep, call in zip(scheduler.timesteps, schedule.denoising(), strict=True):
        x = scheduler.step(torch.tanh(x), timestep, x).prev_sample
        mine = move(mine, held(torch.tanh(mine), mine, call.shown, "velocity"), call.at, call.to)

        assert call.shown.timestep == pytest.approx(float(timestep))
        torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)
    assert schedule.clean == schedule.levels[0]


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.5, True])
def test_step_counts_out_of_range_are_refused(steps: Any) -> None:
    with pytest.raises(InvalidParameter, match="steps"):
        diffusion_schedule(DDIMScheduler(**SD), steps)
