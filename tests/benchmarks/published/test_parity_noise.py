"""Methods of noises and masks of their own beside plain implementations of the published code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import engine
from benchmarks import published
from benchmarks.published import (
    diffedit,
    edit_friendly,
    sdedit,
    uniedit,
)
from engine.noise_mask import NoiseMask, contrast, noise_mask
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS
from tests.benchmarks.published.parity import SCALE, agree


@pytest.mark.parametrize("last_noise", [True, False])
@pytest.mark.parametrize("skip", [0.0, 0.4])
def test_edit_friendly(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    last_noise: bool,
    skip: float,
) -> None:
    record = engine.invert(
        models,
        pair.image,
        prompt=pair.source.caption,
        method="edit-friendly",
        steps=STEPS,
        params={"guidance_scale": 3.5, "seed": 3, "last_noise": last_noise},
    )
    path = torch.cat([latent, record.trajectory[1:]])
    maps = edit_friendly.invert(
        diffusers_parts, path, pair.source.caption, guidance_scale=3.5, last_noise=last_noise
    )
    agree(record.learned["noise_maps"].flip(0), maps, 1e-3)
    asked = engine.Edit(prompt=pair.target.caption, method=engine.Plain(skip=skip), guidance_scale=6.0)
    engine.edit(models, record, asked)
    theirs = edit_friendly.edit(
        diffusers_parts,
        path,
        maps,
        pair.target.caption,
        start=STEPS - int(skip * STEPS),
        guidance_scale=6.0,
    )
    agree(decoded[-1], theirs)


def test_diffedit_mask(
    models: engine.Backbone, diffusers_parts: published.Parts, latent: Tensor, pair: Pair
) -> None:
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method="encode", steps=STEPS)
    noise = torch.randn(4, *latent.shape[1:], generator=torch.Generator().manual_seed(3))
    theirs = diffedit.difference(
        diffusers_parts, latent, pair.source.caption, pair.target.caption, noise, steps=STEPS
    )
    settings = NoiseMask(noises=len(noise))
    (ours,) = contrast(models, record, [pair.target.caption], settings, seed=3)
    agree(ours, theirs)
    (mask,) = noise_mask(models, record, [pair.target.caption], settings, seed=3)
    assert torch.equal(mask, theirs > 0.5)


def test_diffedit(
    models: engine.Backbone, diffusers_parts: published.Parts, pair: Pair, decoded: list[Tensor]
) -> None:
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method="direct", steps=STEPS)
    asked = engine.Edit(
        prompt=pair.target.caption, method=engine.DiffEdit(strength=0.8), guidance_scale=SCALE, seed=3
    )
    engine.edit(models, record, asked)
    path = record.trajectory
    noise = torch.randn(10, *path.shape[1:], generator=torch.Generator().manual_seed(3))
    found = diffedit.difference(
        diffusers_parts, path[:1], pair.source.caption, pair.target.caption, noise, steps=STEPS
    )
    theirs = diffedit.edit(
        diffusers_parts, path, pair.target.caption, found > 0.5, strength=0.8, guidance_scale=SCALE
    )
    agree(decoded[-1], theirs)


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_sdedit(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    strength: float,
) -> None:
    record = engine.invert(models, pair.image, prompt="", method="encode", steps=STEPS)
    method = engine.SDEdit(strength=strength)
    engine.edit(
        models, record, engine.Edit(prompt=pair.target.caption, method=method, guidance_scale=SCALE, seed=7)
    )
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(7))
    theirs = sdedit.edit(
        diffusers_parts,
        latent,
        pair.target.caption,
        noise,
        steps=STEPS,
        strength=strength,
        guidance_scale=SCALE,
    )
    agree(decoded[-1], theirs)


def test_uniedit(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    latent: Tensor,
    pair: Pair,
    decoded: list[Tensor],
) -> None:
    prompts = pair.source.caption, pair.target.caption
    record = engine.invert(models, pair.image, prompt=prompts[0], method="uni-inv", steps=10)
    agree(record.trajectory, uniedit.invert(diffusers_parts, latent, 10))
    method = engine.UniEdit(alpha=0.6, omega=3.0)
    engine.edit(models, record, engine.Edit(prompt=prompts[1], method=method))
    theirs = uniedit.edit(diffusers_parts, record.trajectory, *prompts, alpha=0.6, omega=3.0)
    agree(decoded[-1], theirs)
