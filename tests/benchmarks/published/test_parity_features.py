"""Methods that inject features beside plain implementations of the published code."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import engine
from benchmarks import published
from benchmarks.published import (
    masactrl,
    plug_and_play,
)
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS
from tests.benchmarks.published.parity import SCALE, agree


@pytest.mark.parametrize(("alpha", "schedule"), [(1.0, "constant"), (0.75, "linear"), (1.0, "exponential")])
def test_plug_and_play(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    null_path: Tensor,
    pair: Pair,
    decoded: list[Tensor],
    alpha: float,
    schedule: str,
) -> None:
    record = engine.invert(models, pair.image, prompt="", method="direct", steps=STEPS)
    agree(record.trajectory, null_path)
    method = engine.PlugAndPlay(
        tau_f=0.8, tau_a=0.6, negative_prompt_alpha=alpha, negative_prompt_schedule=schedule
    )
    negative = pair.source.caption
    asked = engine.Edit(
        prompt=pair.target.caption, method=method, guidance_scale=SCALE, negative_prompt=negative
    )
    engine.edit(models, record, asked)
    theirs = plug_and_play.edit(
        diffusers_parts,
        null_path,
        pair.target.caption,
        guidance_scale=SCALE,
        feature_steps=4,
        attention_steps=3,
        negative_prompt=negative,
        negative_prompt_alpha=alpha,
        negative_prompt_schedule={"exponential": "exp"}.get(schedule, schedule),
    )
    agree(decoded[-1], theirs)


@pytest.mark.parametrize(("method", "prompt"), [("ddim", ""), ("direct", "a cat on grass")])
def test_masactrl(
    models: engine.Backbone,
    diffusers_parts: published.Parts,
    pair: Pair,
    decoded: list[Tensor],
    method: str,
    prompt: str,
) -> None:
    record = engine.invert(models, pair.image, prompt=prompt, method=method, steps=STEPS)
    asked = engine.MasaCtrl(tau_kv=(0.4, 1.0), layer_start=0.5)
    engine.edit(models, record, engine.Edit(prompt=pair.target.caption, method=asked, guidance_scale=SCALE))
    theirs = masactrl.edit(
        diffusers_parts,
        record.trajectory[-1:],
        prompt,
        pair.target.caption,
        steps=STEPS,
        first_step=2,
        first_layer=4,
        guidance_scale=SCALE,
        path=record.trajectory if method == "direct" else None,
    )
    agree(torch.cat(decoded), theirs)
