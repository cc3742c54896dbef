"""What a record is kept under, and what is written of an inversion that learns at one guidance scale."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine.errors import InvalidParameter, NumericalError
from engine.inverters import fitting

LEARNED = ["stylediffusion", "stylediffusion-faithful"]


def key(models: engine.Models, image: Image.Image, method: str, **params: Any) -> str:
    return engine.record_key(models, image, prompt="a cat", method=method, steps=3, params=params)


@pytest.mark.parametrize("method", LEARNED)
def test_keys_tell_parameters_and_scales_apart(
    models: engine.Models, image: Image.Image, method: str
) -> None:
    default = key(models, image, method)

    assert default == key(models, image, method, guidance_scale=models.spec.guidance_scale)
    assert default == key(models, image, method, guidance_scale=None)
    assert key(models, image, method, guidance_scale=3.0) == key(models, image, method, guidance_scale=3)
    assert (
        len(
            {default, key(models, image, method, guidance_scale=3), key(models, image, method, inner_steps=5)}
        )
        == 3
    )


@pytest.mark.parametrize("method", LEARNED)
def test_a_record_says_the_scale_it_was_made_for(
    models: engine.Models, image: Image.Image, method: str
) -> None:
    params = {"guidance_scale": 3, "inner_steps": 2}
    record = engine.invert(models, image, prompt="a cat", method=method, steps=3, params=params)
    read = engine.SourceRecord.unpack(record.pack())

    assert record.key == key(models, image, method, **params)
    assert (read.guidance_scale, read.method, read.pinned) == (3, method, method == "stylediffusion")
    assert read.learned.keys() == {"gamma", "beta"}
    assert all(torch.equal(read.learned[name], record.learned[name]) for name in read.learned)


def test_other_methods_are_good_for_any_scale(record: engine.SourceRecord) -> None:
    assert record.guidance_scale is None


@pytest.mark.parametrize("method", LEARNED)
def test_numbers_that_are_none_leave_no_record(
    models: engine.Models, image: Image.Image, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    real = fitting.call_unet

    def call_unet(*args: Any) -> torch.Tensor:
        return real(*args) * (float("nan") if torch.is_grad_enabled() else 1)

    monkeypatch.setattr(fitting, "call_unet", call_unet)
    with pytest.raises(NumericalError, match="optimize"):
        engine.invert(models, image, prompt="a cat", method=method, steps=3)


def test_parameters_that_are_not_the_methods_are_refused(models: engine.Models, image: Image.Image) -> None:
    with pytest.raises(InvalidParameter, match="params"):
        key(models, image, "direct", guidance_scale=3)
