"""Noise levels and moves against diffusers' own schedulers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler

from engine.errors import InvalidParameter
from engine.schedule import Move, Schedule, clean, ddim_move, to_eps

SD = {
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

    assert Schedule.of(scheduler, 50).timesteps == tuple(range(1, 1000, 20))
    assert Schedule.of(scheduler, 30).timesteps == tuple(range(1, 959, 33))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("steps", [1, 10, 50])
def test_denoising_is_what_diffusers_does(variant: dict[str, Any], steps: int) -> None:
    scheduler = DDIMScheduler(**{**SD, **variant})
    scheduler.set_timesteps(steps)
    schedule = Schedule.of(scheduler, steps)
    x = mine = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))

    for timestep, move in zip(scheduler.timesteps, schedule.denoising(), strict=True):
        output = torch.tanh(x + move.timestep / 1000)
        eps = to_eps(torch.tanh(mine + move.timestep / 1000), mine, move.alpha, schedule.prediction)
        x = scheduler.step(output, timestep, x).prev_sample
        mine = ddim_move(mine, eps, move)

        assert move.timestep == timestep
        torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


# Of epsilon only: diffusers reads other predictions at the level left, though it asks at the one gone to.
@pytest.mark.parametrize("variant", [{}, {"timestep_spacing": "trailing"}], ids=str)
@pytest.mark.parametrize("steps", [10, 50])
def test_inversion_is_what_diffusers_does(variant: dict[str, Any], steps: int) -> None:
    config = {**SD, **variant}
    inverse = DDIMInverseScheduler(**config)
    inverse.set_timesteps(steps)
    schedule = Schedule.of(DDIMScheduler(**config), steps)
    x = mine = torch.randn(1, 4, 5, 3, generator=torch.Generator().manual_seed(1))

    for timestep, move in zip(inverse.timesteps, schedule.inversion(), strict=True):
        eps = to_eps(torch.tanh(mine), mine, move.alpha, schedule.prediction)
        x = inverse.step(torch.tanh(x), int(timestep), x).prev_sample
        mine = ddim_move(mine, eps, move)

        assert move.timestep == timestep
        torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("steps", [7, 30, 333])
def test_neighbours_come_from_the_grid_where_the_steps_do_not_divide_it(spacing: str, steps: int) -> None:
    scheduler = DDIMScheduler(**{**SD, "timestep_spacing": spacing})
    scheduler.set_timesteps(steps)
    schedule = Schedule.of(scheduler, steps)
    moves = list(schedule.denoising())

    assert [move.timestep for move in moves] == scheduler.timesteps.tolist()
    assert all(a.alpha_to == b.alpha for a, b in itertools.pairwise(moves))
    assert moves[-1].alpha_to == scheduler.final_alpha_cumprod
    assert [Move(move.timestep, move.alpha_to, move.alpha) for move in reversed(moves)] == list(
        schedule.inversion()
    )


def test_a_move_there_and_back_along_one_direction_is_no_move() -> None:
    x, eps = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for move in Schedule.of(DDIMScheduler(**SD), 20).denoising():
        there = ddim_move(x, eps, move)
        torch.testing.assert_close(clean(there, eps, move.alpha_to), clean(x, eps, move.alpha))
        back = ddim_move(there, eps, Move(move.timestep, move.alpha_to, move.alpha))

        torch.testing.assert_close(back, x)


def test_all_training_steps_and_pure_noise_are_finite() -> None:
    scheduler = DDIMScheduler(**{**SD, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"})
    x = torch.ones(1, 1, 2, 2)
    for move in Schedule.of(scheduler, 1000).denoising():
        x = ddim_move(x, to_eps(torch.zeros_like(x), x, move.alpha, "v_prediction"), move)

    assert torch.isfinite(x).all()


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.5, True])
def test_step_counts_out_of_range_are_refused(steps: Any) -> None:
    with pytest.raises(InvalidParameter, match="steps"):
        Schedule.of(DDIMScheduler(**SD), steps)
