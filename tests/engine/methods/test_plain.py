"""Guidance alone, from the noise or from the latent that is left when steps are skipped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from PIL import Image

import engine
from engine import Edit, Plain, Progress, SourceCache, codec
from engine.blend import LocalBlend
from engine.methods.plain import PlainMethod
from engine.plan import Setting

STEPS = 5


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.tobytes() == other.tobytes()


@pytest.mark.parametrize("negative", [None, "a red ball"])
@pytest.mark.parametrize(("skip", "first"), [(0.0, 0), (0.2, 1), (0.5, 2), (0.99, 4)])
@torch.no_grad()
def test_it_is_diffusers_guided_sampling_from_the_latent_that_is_left(
    model: engine.Backbone, record: engine.SourceRecord, skip: float, first: int, negative: str | None
) -> None:
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(STEPS)
    text, empty = (model.read(prompt, (8, 8)).context for prompt in ("a dog on grass", negative or ""))
    x = record.trajectory[STEPS - first][None]
    for timestep in scheduler.timesteps[first:]:
        cond, uncond = (model.network(x, timestep, each).sample for each in (text, empty))
        x = scheduler.step(uncond + 3 * (cond - uncond), int(timestep), x).prev_sample

    asked = Edit(prompt="a dog on grass", method=Plain(skip=skip), guidance_scale=3, negative_prompt=negative)
    result = engine.edit(model, record, asked)

    expected = codec.decode_one(model, x[0])
    assert np.abs(np.array(result.images[0], int) - np.array(expected, int)).max() <= 1


@pytest.mark.parametrize("steps", [50, 100])
def test_skipping_counts_whole_steps_whatever_the_fraction_rounds_to(
    model: engine.Backbone, record: engine.SourceRecord, steps: int
) -> None:
    longer = engine.SourceRecord(**{**vars(record), "steps": steps})
    for hundredths in range(0, 100, 2 if steps == 50 else 1):
        setting = engine.plan.Setting.of(
            model, longer, Edit(prompt="a dog", method=Plain(skip=hundredths / 100))
        )

        assert engine.METHODS["plain"].plan(setting).first == hundredths * steps // 100


def test_the_source_costs_nothing_unless_its_attention_is_asked_for(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    result = engine.edit(model, record, Edit(prompt="a dog on grass", method=Plain(skip=0.4)))

    assert (network_rows, result.cached) == ([2, 2, 2], True)
    assert same(result.source, engine.reconstruct(model, record))
    network_rows.clear()
    blended = engine.edit(
        model, record, Edit(prompt="a dog on grass", method=Plain(skip=0.4, blend_words=["dog"]))
    )
    assert network_rows == [1, 2] * 3
    assert blended.masks[0] is not None


@pytest.mark.parametrize("method", ["ddim", "direct", "edit-friendly"])
def test_rows_ahead_are_known_when_steps_are_skipped_beside_any_source(
    model: engine.Backbone, image: Image.Image, network_rows: list[int], method: str
) -> None:
    record = engine.invert(model, image, prompt="a cat on grass", method=method, steps=STEPS)
    cache, wholes = SourceCache(2**30), []
    asked = Edit(prompt="a dog on grass", method=Plain(skip=0.5, blend_words=["cat", "dog"]))
    for _ in range(2):
        network_rows.clear()
        heard: list[Progress] = []
        engine.edit(model, record, asked, cache=cache, on_progress=heard.append)

        assert {sum(one.rows) for one in heard if one.rows} == {sum(network_rows)}
        assert [one.total for one in heard if one.phase == "edit" and one.step] == [3] * 3
        wholes.append(sum(network_rows))
    assert wholes == [3 + 6, 6]


def test_masks_of_a_late_start_leave_the_rest_to_the_source(
    model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    image = picture(48, 32)
    record = engine.invert(model, image, prompt="a cat on grass", steps=STEPS)
    method = Plain(skip=0.4, blend_words=["cat", "dog"], subtract_words=["grass"], blend_start=0.0)

    result = engine.edit(model, record, Edit(prompt="a dog on grass", method=method))

    mask = result.masks[0]
    assert mask is not None
    outside = np.array(mask) == 0
    edited, source = (np.array(one)[outside] for one in (result.images[0], result.source))
    assert outside.any()
    assert (edited == source).all()


def test_another_prompt_is_painted_under_the_mask_of_the_sources_words(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    def edited(prompt: str, **params: str) -> Image.Image:
        method = Plain(blend_words=["cat"], blend_start=0.0, **params)
        return engine.edit(model, record, Edit(prompt=prompt, method=method)).images[0]

    assert same(edited("a dog on grass", inside_prompt="grass"), edited("grass"))
    assert not same(edited("a dog on grass", inside_prompt="grass"), edited("a dog on grass"))


def test_words_have_no_place_in_a_prompt_that_only_the_inside_reads(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    params = Plain(inside_prompt="red grass", blend_words=["cat"], subtract_words=["grass"])
    setting = Setting.of(model, record, Edit(prompt=("a cat on grass", "red grass"), method=params))
    words = LocalBlend.of(setting, PlainMethod().plan(setting).targets)

    assert words is not None
    assert words.added is not None
    assert words.subtracted is not None
    assert words.added.nonzero().tolist() == [[0, 0, 0, 2], [1, 0, 0, 2]]
    assert words.subtracted.nonzero().tolist() == [[0, 0, 0, 4], [1, 0, 0, 4], [1, 1, 0, 2]]


def test_the_inside_of_differing_predictions_is_painted(
    model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    record = engine.invert(model, picture(48, 32), prompt="a cat on grass", steps=4)

    def edited(**params: object) -> engine.EditResult:
        method = Plain(diffedit_mask=True, **params)
        return engine.edit(model, record, Edit(prompt="a dog on grass", method=method))

    found, usual = edited(inside_prompt="red grass"), edited()

    assert found.masks == usual.masks
    assert not same(found.images[0], usual.images[0])


def test_the_inside_of_a_mask_that_was_sent_alone_is_painted(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    half = Image.new("L", (32, 32))
    half.paste(255, (0, 0, 16, 32))

    def edited(prompt: str, **params: str) -> engine.EditResult:
        return engine.edit(model, record, Edit(prompt=prompt, method=Plain(**params), mask=half))

    found = edited("a dog on grass", inside_prompt="grass")

    assert same(found.images[0], edited("grass").images[0])
    assert found.masks[0] is not None
    assert same(found.masks[0], half)


@pytest.mark.parametrize(
    ("params", "at_fault"),
    [
        ({"inside_prompt": "grass"}, "inside_prompt"),
        ({"inside_prompt": "?", "blend_words": ["cat"]}, "inside_prompt"),
        ({"inside_prompt": "grass", "blend_words": ["dog"]}, "blend_words"),
    ],
)
def test_what_is_painted_inside_has_words_and_a_place(
    model: engine.Backbone, record: engine.SourceRecord, params: dict[str, object], at_fault: str
) -> None:
    with pytest.raises(engine.InvalidParameter, match=at_fault):
        engine.edit(model, record, Edit(prompt="a dog on grass", method=Plain(**params)))
