"""What holds for every inverter there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler
from PIL import Image

import engine
from engine import codec
from engine.denoise import Text, denoise
from engine.errors import NumericalError
from engine.inverters import INVERTERS, Inversion, Inverter, Source
from engine.progress import Progress, silent
from engine.schedule import Schedule

STEPS = 6
QUICK: dict[str, dict[str, Any]] = {
    "stylediffusion": {"inner_steps": 2},
    "stylediffusion-faithful": {"inner_steps": 2},
}
"""Parameters that make an inverter quick."""


def invert(models: engine.Models, method: str, seed: int = 0, steps: int = STEPS) -> Inversion:
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(1, models.unet.config.in_channels, 8, 12, generator=generator)
    return inverter(method)(models, source_of(models, latent), models.schedule(steps), silent)


def inverter(method: str) -> Inverter:
    return INVERTERS[method](**QUICK.get(method, {}))


def source_of(models: engine.Models, latent: torch.Tensor) -> Source:
    text = codec.embed(models, codec.tokens(models, "a cat"))
    factor = models.vae_factor
    picture = Image.new("RGB", (latent.shape[-1] * factor, latent.shape[-2] * factor), "teal")
    return Source(picture=picture, latent=latent, text=text)


@pytest.mark.parametrize("method", INVERTERS)
def test_a_trajectory_starts_at_the_picture_and_repeats(models: engine.Models, method: str) -> None:
    inversion = invert(models, method)
    invert(models, method, seed=1)
    again = invert(models, method)

    first = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(inversion.trajectory[:1], first)
    assert inversion.trajectory.shape == (STEPS + 1, 4, 8, 12)
    assert inversion.trajectory.dtype == torch.float32
    assert torch.equal(inversion.trajectory, again.trajectory)
    assert inversion.learned.keys() == again.learned.keys()
    for name, tensor in inversion.learned.items():
        assert torch.equal(tensor, again.learned[name])
        assert (len(tensor), tensor.dtype) == (STEPS, torch.float32)
    assert not any(t.requires_grad for t in (inversion.trajectory, *inversion.learned.values()))


@pytest.mark.parametrize("method", INVERTERS)
def test_an_inversion_counts_its_steps_and_its_rows(
    models: engine.Models, unet_rows: list[int], method: str
) -> None:
    heard: list[Progress] = []
    source = source_of(models, torch.zeros(1, 4, 8, 8))

    inverter(method)(models, source, models.schedule(3), heard.append)

    assert heard[:3] == [Progress("invert", step, 3) for step in (1, 2, 3)]
    assert unet_rows[:3] == [1, 1, 1]
    shown = [one.latent for one in heard if one.latent is not None]
    assert len(shown) > len(heard) / 2
    assert all(latent.shape == source.latent.shape and not latent.requires_grad for latent in shown)


@pytest.mark.parametrize("method", INVERTERS)
def test_the_inner_steps_there_may_be_are_known_before(models: engine.Models, method: str) -> None:
    heard: list[Progress] = []
    source = source_of(models, torch.zeros(1, 4, 8, 8))
    inverter(method)(models, source, models.schedule(2), heard.append)

    totals = {now.total for now in heard if now.phase == "optimize"}
    assert totals == ({inverter(method).inner_steps_of(2)} - {0})


@pytest.mark.parametrize("method", INVERTERS)
def test_an_inversion_ends_at_whatever_step_it_is_told_to(models: engine.Models, method: str) -> None:
    heard: list[Progress] = []
    source = source_of(models, torch.zeros(1, 4, 8, 8))
    inverter(method)(models, source, models.schedule(2), heard.append)

    for last in range(1, len(heard) + 1):
        told: list[Progress] = []

        def tell(progress: Progress, told: list[Progress] = told, last: int = last) -> None:
            told.append(progress)
            if len(told) == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            inverter(method)(models, source, models.schedule(2), tell)
        assert told == heard[:last]


@pytest.mark.parametrize("method", INVERTERS)
def test_no_weight_learns_anything(models: engine.Models, method: str) -> None:
    parts = (models.unet, models.vae, models.text_encoder, models.vision)
    before = [weight.clone() for part in parts for weight in part.parameters()]
    random = torch.random.get_rng_state()

    invert(models, method, steps=2)

    weights = [weight for part in parts for weight in part.parameters()]
    assert all(torch.equal(was, weight) for was, weight in zip(before, weights, strict=True))
    assert not any(weight.requires_grad or weight.grad is not None for weight in weights)
    assert torch.equal(torch.random.get_rng_state(), random)


@pytest.mark.parametrize("method", INVERTERS)
def test_numbers_that_are_none_end_the_inversion(models: engine.Models, method: str) -> None:
    source = source_of(models, torch.full((1, 4, 8, 8), float("nan")))

    with pytest.raises(NumericalError, match="invert"):
        inverter(method)(models, source, models.schedule(3), silent)


def test_ddim_is_diffusers_inverse_scheduler(models: engine.Models) -> None:
    inverse = DDIMInverseScheduler.from_config(models.scheduler.config)
    inverse.set_timesteps(STEPS)
    x = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(0))
    text = codec.embed(models, codec.tokens(models, "a cat"))
    levels = [x]
    with torch.no_grad():
        for timestep in inverse.timesteps:
            x = inverse.step(models.unet(x, timestep, text).sample, int(timestep), x).prev_sample
            levels.append(x)

    torch.testing.assert_close(invert(models, "ddim").trajectory, torch.cat(levels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_a_denoiser_inverts_alike_whatever_it_predicts(models: engine.Models, prediction: Any) -> None:
    config = {**models.scheduler.config, "set_alpha_to_one": True}
    scheduler = DDIMScheduler.from_config(config)
    steps = Schedule.of(scheduler, STEPS)
    alphas = dict(zip(steps.timesteps, steps.alphas[1:], strict=True))

    def unet(x: torch.Tensor, timestep: int, **options: Any) -> SimpleNamespace:
        eps, a = models.unet(x, timestep, **options).sample, alphas[timestep]
        x0 = (x - (1 - a) ** 0.5 * eps) / a**0.5
        return SimpleNamespace(sample=x0 if prediction == "sample" else a**0.5 * eps - (1 - a) ** 0.5 * x0)

    noise = replace(models, scheduler=scheduler)
    other = DDIMScheduler.from_config({**config, "prediction_type": prediction})

    trajectory = invert(replace(models, scheduler=other, unet=reading(models, unet)), "ddim").trajectory

    torch.testing.assert_close(trajectory, invert(noise, "ddim").trajectory, rtol=1e-4, atol=1e-4)


def reading(models: engine.Models, unet: Callable[..., SimpleNamespace]) -> Any:
    """A U-Net that says something else."""
    said: Any = unet
    said.config = models.unet.config
    return said


def test_the_ddim_round_trip_closes_as_steps_grow(models: engine.Models) -> None:
    embedding = codec.embed(models, codec.tokens(models, "a cat"))

    def gap(steps: int) -> float:
        trajectory = invert(models, "ddim", steps=steps).trajectory
        text = Text(cond=embedding, uncond=embedding)
        back = denoise(models, trajectory[-1], text=text, schedule=models.schedule(steps))
        return float((back - trajectory[:1]).abs().max())

    coarse, fine = gap(20), gap(80)

    assert fine < 0.4 * coarse


def test_direct_pins_what_ddim_leaves_free(models: engine.Models) -> None:
    direct, ddim = invert(models, "direct"), invert(models, "ddim")

    assert (INVERTERS["direct"].pinned, INVERTERS["ddim"].pinned) == (True, False)
    assert torch.equal(direct.trajectory, ddim.trajectory)
