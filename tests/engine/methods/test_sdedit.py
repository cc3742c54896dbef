"""SDEdit on random networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine import Edit, SDEdit
from engine.errors import InvalidParameter
from parameters import EDITS, build

STEPS = 5


def painted(model: engine.Backbone, record: engine.SourceRecord, **asked: Any) -> tuple[bytes, ...]:
    edit = Edit(**{"prompt": "a dog on grass", "method": SDEdit(), "seed": 4, **asked})
    return tuple(image.tobytes() for image in engine.edit(model, record, edit).images)


@pytest.mark.parametrize("method", [SDEdit(), SDEdit(blend_words=("dog", "cat"), attention=True)])
def test_every_inversion_gives_the_same_picture(
    model: engine.Backbone, image: Image.Image, method: SDEdit
) -> None:
    """Under a mask too."""
    pictures = {
        painted(
            model,
            engine.invert(
                model, image, prompt="a cat on grass", method=inversion, steps=STEPS, params=params
            ),
            guidance_scale=3.0,
            method=method,
        )
        for inversion, params in (
            ("encode", {}),
            ("direct", {}),
            ("ddim", {}),
            ("edit-friendly", {}),
            ("null-text", {"inner_steps": 1, "guidance_scale": 3.0}),
            ("stylediffusion", {"inner_steps": 1, "guidance_scale": 3.0}),
        )
    }

    assert len(pictures) == 1


def test_the_seed_alone_decides_the_noise(model: engine.Backbone, record: engine.SourceRecord) -> None:
    first = painted(model, record)
    torch.randn(3)

    assert painted(model, record) == first
    assert painted(model, record, seed=5) != first
    assert painted(model, record, prompt=("a dog on grass", "a dog on grass")) == first * 2
    targets = ("a red ball", "a dog on grass")
    assert painted(model, record, prompt=targets, only=1) == first


def test_strength_says_how_much_of_the_run_is_painted_anew(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    distances = []
    for strength, steps in ((0.01, 1), (0.4, 2), (0.59, 2), (0.6, 3), (1.0, 5)):
        network_rows.clear()
        edit = Edit(prompt="a dog on grass", method=SDEdit(strength=strength))
        result = engine.edit(model, record, edit)
        distances.append(result)

        assert network_rows == [2] * steps
        assert result.source.tobytes() == engine.reconstruct(model, record).tobytes()
    assert len({each.images[0].tobytes() for each in distances}) == 4


def test_the_models_strength_comes_before_the_papers(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    tuned = replace(model, spec=replace(model.spec, defaults={"sdedit": {"strength": 0.2}}))
    method = engine.METHODS["sdedit"]
    for each, preset, first in ((model, None, 3), (tuned, None, 4), (tuned, "published", 3)):
        edit = Edit(prompt="a dog", method=SDEdit(), preset=preset)
        assert method.plan(engine.plan.Setting.of(each, record, edit)).first == first


@pytest.mark.parametrize("strength", [0, -0.1, 1.01, "much", [0.1, 0.2], True])
def test_a_strength_out_of_range_is_refused_by_name(strength: object) -> None:
    with pytest.raises(InvalidParameter) as caught:
        build(EDITS["sdedit"], {"strength": strength})
    assert caught.value.name == "strength"
