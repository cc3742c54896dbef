"""Prompt-to-Prompt of the engine beside a plain implementation of the published code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from benchmarks import published
from benchmarks.published import (
    direct_edit,
    prompt_to_prompt,
)
from benchmarks.published.prompt_to_prompt import Refinement
from tests.benchmarks.published.conftest import STEPS
from tests.benchmarks.published.parity import LONGER, PROMPT, SCALE, WIDE, agree


def test_ddim_inversion(diffusers_parts: published.Parts, direct: engine.SourceRecord) -> None:
    latent = diffusers_parts.encode(WIDE.render())
    agree(direct.trajectory, published.invert(diffusers_parts, latent, PROMPT, STEPS))


REFINED: Mapping[str, dict[str, Any]] = {
    "longer": {"target": LONGER},
    "shorter": {"target": "a cat"},
    "weighed": {"target": LONGER, "reweight": {"red": 2.0, "grass": -0.5}, "tau_c": 0.6},
    "blended": {"target": LONGER, "blend_words": (["cat"], ["cat"]), "blend_threshold": 0.6},
    "all": {
        "target": LONGER,
        "reweight": {"red": 3.0},
        "tau_s": 0.4,
        "blend_words": (["cat", "grass"], ["cat", "grass"]),
        "blend_threshold": 0.7,
    },
}


@pytest.mark.parametrize("name", REFINED)
def test_refinement_with_the_published_switches(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
    name: str,
) -> None:
    asked = Refinement(
        **{"tau_c": 0.4, "tau_s": 0.6, **REFINED[name]},
        source=PROMPT,
        guidance_scale=SCALE,
        blend_factor=models.spec.blend_factor,
    )
    method = engine.P2P(
        edit="refine",
        tau_c=asked.tau_c,
        tau_s=asked.tau_s,
        reweight=dict(asked.reweight),
        reweight_window="tau_c",
        padding="absolute",
        blend_words=tuple(asked.blend_words[1]) if asked.blend_words else None,
        blend_threshold=asked.blend_threshold,
        blend_start=asked.blend_start,
        blend_maps="edited",
        blend_in="latent",
    )
    engine.edit(models, direct, engine.Edit(prompt=asked.target, method=method, guidance_scale=SCALE))
    trajectory = direct.trajectory
    theirs = prompt_to_prompt.edit(diffusers_parts, trajectory[-1:], asked, steps=STEPS, path=trajectory)
    agree(torch.cat(decoded), theirs)


def test_a_refinement_of_a_painted_picture(
    models: engine.Backbone, diffusers_parts: published.Parts, decoded: list[Tensor]
) -> None:
    """The paper's own setting: source and target sampled side by side from one noise."""
    painted = engine.paint(
        models, prompt=PROMPT, steps=STEPS, params=engine.Painted(seed=3, guidance_scale=SCALE)
    )
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, painted, engine.Edit(prompt=LONGER, method=method))
    asked = Refinement(source=PROMPT, target=LONGER, tau_c=0.8, tau_s=0.4, guidance_scale=SCALE)
    agree(
        torch.cat(decoded),
        prompt_to_prompt.edit(diffusers_parts, painted.trajectory[-1:], asked, steps=STEPS),
    )


@pytest.fixture(scope="module")
def aligned(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="aligned", steps=STEPS)


def test_aligned_sampling(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    aligned: engine.SourceRecord,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    assert torch.equal(aligned.trajectory, direct.trajectory)
    asked = engine.Edit(prompt=LONGER, method=engine.Plain(), guidance_scale=SCALE)
    engine.edit(models, aligned, asked)
    theirs = direct_edit.sample(diffusers_parts, aligned.trajectory, LONGER, guidance_scale=SCALE)
    agree(decoded[-1], theirs)


def test_aligned_refinement(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    aligned: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(source=PROMPT, target=LONGER, guidance_scale=SCALE, tau_c=0.4, tau_s=0.6)
    method = engine.P2P(edit="refine", tau_c=0.4, tau_s=0.6, padding="absolute")
    engine.edit(models, aligned, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    path = aligned.trajectory
    theirs = prompt_to_prompt.edit(
        diffusers_parts, path[-1:], asked, steps=STEPS, path=path, shifts=direct_edit.shifts(path)
    )
    agree(torch.cat(decoded), theirs)
