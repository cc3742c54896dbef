"""Edit-friendly inversion: levels apart, and noise with which diffusers' own DDPM paints the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from PIL import Image

import engine
from engine import P2P, Edit, Plain, codec
from engine.inverters import INVERTERS, Source
from engine.inverting import resolved
from engine.progress import silent
from engine.schedule import Schedule
from tests.engine.inverters.inverting import inverted_by

STEPS = 5
"""A number that divides the training steps, where diffusers finds the neighbours of a level."""
SCALE = 3.5


def inverted(model: engine.Backbone, image: Image.Image, **params: Any) -> engine.SourceRecord:
    return engine.invert(
        model, image, prompt="a cat on grass", method="edit-friendly", steps=STEPS, params=params
    )


def furthest(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.array(one, int) - np.array(other, int)).max())


@pytest.mark.parametrize("architecture", ["model", "deep"])
@torch.no_grad()
def test_diffusers_ddpm_paints_the_picture_with_the_noise_maps(
    request: pytest.FixtureRequest, picture: Callable[..., Image.Image], architecture: str
) -> None:
    model = request.getfixturevalue(architecture)
    record = inverted(model, picture(64, 48))
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(STEPS)
    text, empty = (model.read(prompt, record.size).context for prompt in (record.prompt, ""))
    x = record.trajectory[-1:]
    for index, timestep in enumerate(scheduler.timesteps):
        cond, uncond = (model.network(x, timestep, each).sample for each in (text, empty))
        x = scheduler.step(
            uncond + SCALE * (cond - uncond),
            int(timestep),
            x,
            eta=1.0,
            variance_noise=record.learned["noise_maps"][index][None],
        ).prev_sample

        torch.testing.assert_close(x[0], record.trajectory[STEPS - 1 - index], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        x, codec.encode(model, codec.fit(model, picture(64, 48))), rtol=1e-3, atol=1e-3
    )


def test_levels_are_drawn_independently_of_one_another(model: engine.Backbone, source: Source) -> None:
    found = inverted_by("edit-friendly", model, source, 40).trajectory
    calls = model.schedule(40).denoising()

    noises = torch.cat(
        [
            (found[40 - index] - call.at.a * source.latent[0]).flatten()[None] / call.at.s
            for index, call in enumerate(calls)
        ]
    )

    torch.testing.assert_close(noises.std(), torch.tensor(1.0), rtol=0.05, atol=0)
    correlations = torch.corrcoef(noises) - torch.eye(40)
    assert correlations.abs().max() < 0.35


def test_progress_shows_the_picture_as_the_network_sees_it(model: engine.Backbone, source: Source) -> None:
    heard: list[engine.Progress] = []
    found = inverted_by("edit-friendly", model, source, 4, heard.append, guidance_scale=1.0).trajectory

    with torch.no_grad():
        for index, call in enumerate(model.schedule(4).denoising()[:-1]):
            x = found[4 - index][None]
            eps = model.network(x, call.at.timestep, source.text.context).sample
            torch.testing.assert_close(heard[index].latent, (x - call.at.s * eps) / call.at.a)
    assert heard[-1].latent is not None
    assert torch.equal(heard[-1].latent, source.latent)


@pytest.mark.parametrize("skip", [0.0, 0.36, 0.5])
def test_the_picture_comes_back_by_plain_sampling_wherever_it_starts(
    model: engine.Backbone, image: Image.Image, skip: float
) -> None:
    record = inverted(model, image)

    edit = Edit(prompt=record.prompt, method=Plain(skip=skip), guidance_scale=SCALE)
    result = engine.edit(model, record, edit)

    assert furthest(result.images[0], codec.decode(model, codec.encode(model, image))[0]) <= 1
    assert result.source.tobytes() == engine.reconstruct(model, record).tobytes()
    other = Edit(prompt="a dog on grass", method=Plain(skip=skip), guidance_scale=15)
    assert furthest(engine.edit(model, record, other).images[0], result.images[0]) > 1


def test_noise_maps_paint_under_attention_control_too(model: engine.Backbone, image: Image.Image) -> None:
    record = inverted(model, image)

    edit = Edit(prompt=record.prompt, method=P2P(tau_c=1.0, tau_s=1.0), guidance_scale=SCALE)

    assert furthest(engine.edit(model, record, edit).images[0], engine.reconstruct(model, record)) <= 1


def test_the_last_noise_map_may_be_left_out_as_published(model: engine.Backbone, image: Image.Image) -> None:
    kept, published = inverted(model, image), inverted(model, image, last_noise=False)

    assert published.learned["noise_maps"][-1].eq(0).all()
    assert not kept.learned["noise_maps"][-1].eq(0).all()
    assert torch.equal(published.learned["noise_maps"][:-1], kept.learned["noise_maps"][:-1])
    assert published.key != kept.key


def test_a_seed_draws_the_noise(model: engine.Backbone, image: Image.Image) -> None:
    one, again, other = (inverted(model, image, seed=seed) for seed in (3, 3, 4))

    assert torch.equal(one.trajectory, again.trajectory)
    assert not torch.equal(one.trajectory, other.trajectory)
    assert (one.key == again.key, one.key == other.key) == (True, False)


def test_the_scale_is_the_papers_unless_given_and_edits_have_their_own(
    model: engine.Backbone, image: Image.Image
) -> None:
    record, given = inverted(model, image), inverted(model, image, guidance_scale=SCALE)

    assert record.key == given.key
    assert record.guidance_scale is None
    assert not torch.equal(record.trajectory, inverted(model, image, guidance_scale=1).trajectory)


def test_at_scale_one_the_null_prompt_is_not_run(
    model: engine.Backbone, source: Source, network_rows: list[int]
) -> None:
    inverted_by("edit-friendly", model, source, 3, guidance_scale=1.0)

    assert network_rows == [1, 1, 1]


def test_a_level_that_comes_twice_adds_no_noise(model: engine.Backbone, source: Source) -> None:
    """As at all training steps with an offset, where the last two timesteps are the same."""
    levels = model.schedule(3).levels
    twice = Schedule(levels=(*levels, levels[-1]))
    params = resolved(model, "edit-friendly", None)

    found = INVERTERS["edit-friendly"].invert(model, source, twice, params, silent)

    torch.testing.assert_close(found.trajectory[-1], found.trajectory[-2])
    torch.testing.assert_close(found.trajectory[:1], source.latent)
