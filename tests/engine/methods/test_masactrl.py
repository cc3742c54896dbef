"""MasaCtrl on random networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

import engine
from engine import Edit, MasaCtrl
from engine.attention import KeyValueReplace
from engine.backbones.unet import modules_of
from engine.methods.masactrl import MasaCtrlMethod
from engine.plan import Setting

EVERYWHERE = MasaCtrl(tau_kv=1.0, layer_start=0.0)


@pytest.mark.parametrize("architecture", ["model", "deep"])
def test_the_source_prompt_gives_the_source(
    request: pytest.FixtureRequest, image: Image.Image, architecture: str
) -> None:
    model = request.getfixturevalue(architecture)
    record = engine.invert(model, image, prompt="a cat on grass", method="ddim", steps=4)
    asked = Edit(prompt=(record.prompt, "a red ball"), method=EVERYWHERE)

    result = engine.edit(model, record, asked)

    same, other = (
        np.abs(np.array(picture, int) - np.array(result.source, int)).max() for picture in result.images
    )
    assert same <= 1
    assert other > 1


def test_the_source_runs_only_for_the_steps_that_read_it(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    engine.edit(model, record, Edit(prompt="a dog", method=MasaCtrl(tau_kv=(0.4, 0.8))))

    assert network_rows == [2, 2, 1, 1, 2, 1, 1, 2, 2]


def test_as_published_it_begins_at_layer_10_of_16_and_step_4_of_50(
    model: engine.Backbone, record: engine.SourceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        modules = modules_of(UNet2DConditionModel(cross_attention_dim=768))
    monkeypatch.setitem(vars(model), "modules", modules)

    control = (
        MasaCtrlMethod().plan(Setting.of(model, record, Edit(prompt="a dog", method=MasaCtrl()))).control
    )

    assert isinstance(control, KeyValueReplace)
    assert list(control.window.steps(50)) == list(range(4, 50))
    blocks = [f"up_blocks.{block}.attentions.{layer}" for block in (2, 3) for layer in range(3)]
    assert control.layers == {f"{block}.transformer_blocks.0.attn1" for block in blocks}
