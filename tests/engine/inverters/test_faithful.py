"""StyleDiffusion as published: how long it trains, and the networks it leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image

import engine
from engine import codec
from engine.errors import InvalidParameter
from engine.inverters import INVERTERS, Source
from engine.mapping import unstacked
from engine.progress import Progress
from parameters import StyleDiffusionFaithful
from tests.engine.inverters.inverting import inverted_by

STEPS = 3


def test_thirty_steps_have_at_most_as_many_inner_steps_as_published() -> None:
    inverter = INVERTERS["stylediffusion-faithful"]

    assert inverter.inner_steps_of(30, StyleDiffusionFaithful()) == 1_015


def test_faithful_steps_end_when_the_loss_is_small_or_the_budget_spent(
    model: engine.Backbone, source: Source, lossy: Callable[..., None]
) -> None:
    def heard() -> list[int]:
        seen: list[Progress] = []
        inverted_by("stylediffusion-faithful", model, source, STEPS, seen.append, inner_steps=3)
        assert {one.total for one in seen if one.phase == "optimize"} == {9}
        return [one.step for one in seen if one.phase == "optimize"]

    lossy(1e9)
    assert heard() == [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9]
    lossy(1e-30)
    assert heard() == [1, 3, 4, 6, 7, 9]


def inverted(model: engine.Backbone, image: Image.Image, *, keep: bool) -> engine.SourceRecord:
    params = {"inner_steps": 3, "keep_mapping": keep}
    prompt, method = "a cat on grass", "stylediffusion-faithful"
    return engine.invert(model, image, prompt=prompt, method=method, steps=STEPS, params=params)


def test_a_record_that_kept_its_networks_gives_them_back(model: engine.Backbone, image: Image.Image) -> None:
    read = engine.SourceRecord.unpack(inverted(model, image, keep=True).pack())
    features = codec.vision_features(model, image)

    mappings = unstacked(read.learned)

    assert len(mappings) == STEPS
    for step, mapping in enumerate(mappings):
        with torch.no_grad():
            gamma, beta = mapping(features)
        torch.testing.assert_close(gamma[0], read.learned["gamma"][step])
        torch.testing.assert_close(beta[0], read.learned["beta"][step])
    assert not torch.allclose(read.learned["gamma"][0], read.learned["gamma"][1])


def test_networks_are_kept_on_request_alone_and_change_no_edit(
    model: engine.Backbone, image: Image.Image
) -> None:
    kept, bare = (inverted(model, image, keep=keep) for keep in (True, False))

    assert kept.key != bare.key
    assert kept.learned.keys() > bare.learned.keys() == {"gamma", "beta"}
    with pytest.raises(InvalidParameter, match="keep_mapping"):
        unstacked(bare.learned)
    ours, theirs = (
        engine.edit(model, record, engine.Edit(prompt="a dog on grass")) for record in (kept, bare)
    )
    assert (ours.images, ours.source) == (theirs.images, theirs.source)
