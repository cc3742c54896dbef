"""Negative-prompt inversion: the source at any guidance as it was inverted."""

from __future__ import annotations

import pytest
from PIL import Image

import engine
from engine import P2P, Edit, Plain
from tests.engine.test_source import furthest

STEPS = 4


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_the_source_prompt_paints_what_unguided_ddim_does_at_any_scale(
    model: engine.Backbone, image: Image.Image, scale: float
) -> None:
    ddim, record = (
        engine.invert(model, image, prompt="a cat on grass", method=method, steps=STEPS)
        for method in ("ddim", "negative-prompt")
    )
    drifting = Edit(prompt="a cat on grass", method=Plain(), guidance_scale=7.5)
    assert furthest(engine.edit(model, ddim, drifting).images[0], engine.reconstruct(model, ddim)) > 1

    asked = Edit(prompt="a cat on grass", method=P2P(tau_c=0, tau_s=0), guidance_scale=scale)
    result = engine.edit(model, record, asked)

    assert furthest(result.images[0], engine.reconstruct(model, ddim)) <= 1
    assert furthest(result.source, engine.reconstruct(model, ddim)) <= 1
