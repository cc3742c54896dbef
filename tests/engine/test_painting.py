"""Pictures that the model paints: diffusers' samples, and exact sources of edits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import engine


@pytest.fixture(scope="module")
def wide(model: engine.Backbone) -> engine.SourceRecord:
    params = engine.Painted(seed=5, width=48, height=32, guidance_scale=4.0, negative_prompt="a dog")
    return engine.paint(model, prompt="a cat on grass", steps=4, params=params)


def test_its_path_begins_with_its_seeds_noise_and_has_its_size(
    model: engine.Backbone, wide: engine.SourceRecord
) -> None:
    height, width = 32 // model.vae_factor, 48 // model.vae_factor
    channels = model.vae.config.latent_channels
    assert wide.trajectory.shape == (5, channels, height, width)
    noise = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(5))
    assert torch.equal(wide.trajectory[-1:], noise)
    assert engine.reconstruct(model, wide).size == (48, 32)
    params = engine.Painted(seed=5, width=48, height=32, guidance_scale=4.0, negative_prompt="a dog")
    assert wide.key == engine.painted_key(model, prompt="a cat on grass", steps=4, params=params)
    assert wide.key != engine.painted_key(model, prompt="a cat on grass", steps=4)


def test_painting_its_prompt_again_gives_it_again(model: engine.Backbone, wide: engine.SourceRecord) -> None:
    picture = np.asarray(engine.reconstruct(model, wide))
    again = engine.edit(model, wide, engine.Edit(prompt=wide.prompt, method=engine.Plain()))
    assert np.array_equal(np.asarray(again.images[0]), picture)
    for other in ({"guidance_scale": 3.0}, {"negative_prompt": "grass"}):
        edit = engine.Edit(prompt=wide.prompt, method=engine.Plain(), **other)  # type: ignore[arg-type]
        assert not np.array_equal(np.asarray(engine.edit(model, wide, edit).images[0]), picture)


@pytest.mark.parametrize("method", [engine.P2P(), engine.P2Plus(tau_u=0.5), engine.PlugAndPlay()])
def test_every_way_of_editing_takes_it(
    model: engine.Backbone, wide: engine.SourceRecord, method: engine.P2P
) -> None:
    result = engine.edit(model, wide, engine.Edit(prompt="a dog on grass", method=method))
    assert np.array_equal(np.asarray(result.source), np.asarray(engine.reconstruct(model, wide)))


def test_the_record_is_whole_once_stored(wide: engine.SourceRecord) -> None:
    read = engine.SourceRecord.unpack(wide.pack())
    assert (read.params, read.method, read.key) == (wide.params, "painted", wide.key)
    assert torch.equal(read.trajectory, wide.trajectory)


def test_what_cannot_be_painted_is_refused_before_any_work(model: engine.Backbone) -> None:
    with pytest.raises(engine.InvalidParameter, match=f"a multiple of {model.stride} pixels"):
        engine.paint(model, prompt="a cat", params=engine.Painted(width=model.stride * 3 + 1))
    with pytest.raises(engine.InvalidParameter, match="at most 2 times the other side"):
        engine.paint(model, prompt="a cat", params=engine.Painted(height=3 * model.spec.size))
    with pytest.raises(engine.PromptTooLong):
        engine.paint(model, prompt="a cat " * 99)
    picture = engine.reconstruct(model, engine.paint(model, prompt="", steps=1))
    with pytest.raises(engine.InvalidParameter, match="this one is of pictures from `paint`"):
        engine.invert(model, picture, prompt="", method="painted")
