"""Learned and negative embeddings of the engine beside plain implementations of the published code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import engine
from benchmarks import published
from benchmarks.published import (
    negative_prompt,
    null_text,
    prompt_to_prompt,
    prompt_tuning,
)
from benchmarks.published.prompt_to_prompt import Refinement
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS
from tests.benchmarks.published.parity import LONGER, PROMPT, SCALE, WIDE, agree


@pytest.fixture(scope="module")
def null(models: engine.Backbone, pair: Pair) -> engine.SourceRecord:
    return engine.invert(
        models,
        pair.image,
        prompt=pair.source.caption,
        method="null-text",
        steps=STEPS,
        params={"guidance_scale": SCALE, "inner_steps": 4, "learning_rate": 1e-2},
    )


def test_null_text(diffusers_parts: published.Parts, null: engine.SourceRecord, pair: Pair) -> None:
    theirs = null_text.optimise(
        diffusers_parts, null.trajectory, pair.source.caption, guidance_scale=SCALE, inner_steps=4
    )
    assert sum(len(losses) for losses in theirs.losses) > STEPS
    # Adam magnifies rounding, so this holds only while both make the same calls, one row each.
    (ours,) = null.learned.values()
    agree(ours, theirs.embeddings)


def test_edits_with_null_text(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    null: engine.SourceRecord,
    pair: Pair,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(
        source=pair.source.caption, target=f"a red {pair.source.caption}", guidance_scale=SCALE
    )
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, null, engine.Edit(prompt=asked.target, method=method, guidance_scale=SCALE))
    (uncond,) = null.learned.values()
    theirs = prompt_to_prompt.edit(diffusers_parts, null.trajectory[-1:], asked, steps=STEPS, uncond=uncond)
    agree(torch.cat(decoded), theirs)


@pytest.fixture(scope="module")
def negative(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="negative-prompt", steps=STEPS)


@pytest.mark.parametrize("quantile", [None, 0.7])
def test_negative_prompt(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    direct: engine.SourceRecord,
    decoded: list[Tensor],
    quantile: float | None,
) -> None:
    assert torch.equal(negative.trajectory, direct.trajectory)
    method, targets = engine.Plain(proximal=quantile), (LONGER, "a dog on grass")
    engine.edit(models, negative, engine.Edit(prompt=targets, method=method, guidance_scale=SCALE))
    for ours, target in zip(decoded[-2:], targets, strict=True):
        theirs = negative_prompt.sample(
            diffusers_parts,
            negative.trajectory[-1:],
            PROMPT,
            target,
            steps=STEPS,
            guidance_scale=SCALE,
            quantile=quantile,
        )
        agree(ours, theirs)


@pytest.mark.parametrize(("rate", "start", "radius"), [(1.0, 0.6, 1), (0.5, 0.4, 2), (0.1, 0.0, 0)])
def test_inversion_guidance(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    decoded: list[Tensor],
    rate: float,
    start: float,
    radius: int,
) -> None:
    method = engine.Plain(
        proximal=0.7,
        inversion_guidance=rate,
        inversion_guidance_start=start,
        inversion_guidance_dilation=radius,
    )
    engine.edit(models, negative, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    path = negative.trajectory
    pull = negative_prompt.Pull(
        path=path, recon_lr=rate, recon_t=round(1000 * (1 - start)) + 1, dilate_mask=radius
    )
    asked = {"steps": STEPS, "guidance_scale": SCALE, "quantile": 0.7}
    unpulled = negative_prompt.sample(diffusers_parts, path[-1:], PROMPT, LONGER, **asked)
    theirs = negative_prompt.sample(diffusers_parts, path[-1:], PROMPT, LONGER, **asked, pull=pull)
    agree(decoded[-1], theirs)
    assert (theirs - unpulled).abs().max() > 0.01


def test_refinement_with_negative_prompt(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    negative: engine.SourceRecord,
    decoded: list[Tensor],
) -> None:
    asked = Refinement(source=PROMPT, target=LONGER, guidance_scale=SCALE)
    method = engine.P2P(edit="refine", tau_c=0.8, tau_s=0.4, padding="absolute")
    engine.edit(models, negative, engine.Edit(prompt=LONGER, method=method, guidance_scale=SCALE))
    uncond = diffusers_parts.embed([PROMPT]).expand(STEPS, -1, -1)
    theirs = prompt_to_prompt.edit(
        diffusers_parts, negative.trajectory[-1:], asked, steps=STEPS, uncond=uncond
    )
    agree(torch.cat(decoded), theirs)


def test_prompt_tuning(
    models: engine.Backbone, diffusers_parts: published.Parts, pair: Pair, decoded: list[Tensor]
) -> None:
    prompt, params = pair.source.caption, {"guidance_scale": SCALE, "inner_steps": 3, "learning_rate": 1e-2}
    record = engine.invert(
        models, pair.image, prompt=prompt, method="prompt-tuning", steps=STEPS, params=params
    )
    (ours,) = record.learned.values()
    theirs = prompt_tuning.optimise(
        diffusers_parts, record.trajectory, prompt, guidance_scale=SCALE, inner_steps=3
    )
    agree(ours, theirs)
    for eta in (0.85, 0.3):
        method = engine.PromptInterpolation(eta=eta)
        engine.edit(models, record, engine.Edit(prompt="a dog on grass", method=method))
        edited = prompt_tuning.edit(
            diffusers_parts,
            record.trajectory[-1:],
            ours,
            "a dog on grass",
            eta=eta,
            guidance_scale=SCALE,
        )
        agree(decoded[-1], edited)
