"""Prompt Tuning inversion, and the edits between what it learned and a target."""

from __future__ import annotations

from PIL import Image

import engine
from engine import Edit, Plain, PromptInterpolation
from engine.progress import Progress
from tests.engine.test_source import furthest

STEPS, SCALE = 3, 7.5


def inverted(model: engine.Backbone, image: Image.Image, inner_steps: int) -> engine.SourceRecord:
    params = {"inner_steps": inner_steps, "guidance_scale": SCALE}
    return engine.invert(model, image, prompt="", method="prompt-tuning", steps=STEPS, params=params)


def test_guided_sampling_comes_closer_to_the_picture_the_longer_it_learns_without_a_prompt(
    model: engine.Backbone, image: Image.Image
) -> None:
    def ended(inner_steps: int) -> float:
        record, seen = inverted(model, image, inner_steps), list[Progress]()
        engine.reconstruct(model, record, on_progress=seen.append)
        last = [one.latent for one in seen if one.phase == "reconstruct"][-1]
        assert last is not None
        level = model.schedule(STEPS).levels[0]
        return float((level.a * last - record.trajectory[:1]).square().mean())

    assert ended(20) < 0.9 * ended(1)


def test_eta_leads_from_the_reconstruction_to_plain_guidance(
    model: engine.Backbone, image: Image.Image, network_rows: list[int]
) -> None:
    record = inverted(model, image, 4)
    network_rows.clear()

    nothing, some, all_of_it = (
        engine.edit(model, record, Edit(prompt=("a dog", "a ball"), method=PromptInterpolation(eta=eta)))
        for eta in (0, 0.5, 1)
    )

    assert network_rows == [4] * STEPS * 3
    plain = engine.edit(model, record, Edit(prompt=("a dog", "a ball"), method=Plain()))
    for index in range(2):
        assert furthest(nothing.images[index], engine.reconstruct(model, record)) <= 1
        assert furthest(all_of_it.images[index], plain.images[index]) <= 1
        assert furthest(some.images[index], plain.images[index]) > 1
