"""DiffEdit on random networks; its mask is tested in `test_noise_mask`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import engine
from engine import DiffEdit, Edit, editing
from engine.errors import EmptyMask, InvalidParameter
from engine.noise_mask import NoiseMask, noise_mask
from parameters import EDITS, build

TARGETS = ("a dog on grass", "a red ball")


ASKED = NoiseMask(threshold=0.34)


@pytest.fixture(autouse=True)
def low_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions of random networks differ nearly as much everywhere: open what is just above the mean."""
    monkeypatch.setattr(editing, "NoiseMask", lambda: ASKED)


def test_nothing_changes_where_the_mask_is_closed_and_the_mask_is_diffedits(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    result = engine.edit(model, record, Edit(prompt=TARGETS, method=DiffEdit(), seed=5))

    expected = noise_mask(model, record, TARGETS, ASKED, 5)
    for image, mask, opened in zip(result.images, result.masks, expected, strict=True):
        places = np.asarray(mask)[:: model.vae_factor, :: model.vae_factor] > 0
        assert (places == opened.numpy()).all()
        found = (np.asarray(image) != np.asarray(result.source)).any(-1)
        assert found[np.asarray(mask) > 0].any()
        assert not found[np.asarray(mask) == 0].any()


def test_a_target_depends_on_the_seed_but_not_on_its_company(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    asked = Edit(prompt=TARGETS, method=DiffEdit(), seed=5)
    masks = [
        engine.edit(model, record, one).masks[-1]
        for one in (asked, replace(asked, only=1), replace(asked, seed=6))
    ]

    assert masks[0] is not None
    assert masks[1] is not None
    assert masks[2] is not None
    assert masks[0].tobytes() == masks[1].tobytes() != masks[2].tobytes()


def test_it_costs_the_mask_and_two_rows_for_each_step_that_is_left(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    engine.edit(model, record, Edit(prompt=TARGETS[0], method=DiffEdit()))

    assert network_rows == [10, 10, 2, 2, 2, 2]


def test_a_source_is_followed_along_its_stored_path_even_where_it_could_be_sampled(
    model: engine.Backbone, image: Image.Image
) -> None:
    asked = Edit(prompt=TARGETS[0], method=DiffEdit())
    one, other = (
        engine.edit(
            model,
            engine.invert(model, image, prompt="a cat on grass", method=method, steps=5),
            asked,
        )
        for method in ("direct", "ddim")
    )

    assert one.images[0].tobytes() == other.images[0].tobytes()


@pytest.mark.parametrize("strength", [0, -1, 1.5])
def test_a_strength_out_of_range_is_refused_by_name(strength: Any) -> None:
    with pytest.raises(InvalidParameter, match="strength"):
        build(EDITS["diffedit"], {"strength": strength})


def test_the_source_prompt_is_refused_before_any_work(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    with pytest.raises(EmptyMask, match="what the source prompt says"):
        engine.edit(model, record, Edit(prompt=record.prompt, method=DiffEdit()))
    assert network_rows == []
