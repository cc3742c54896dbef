"""What a record is kept under, and what is kept of an inversion that learns at one guidance scale."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine.backbones.unet import StableDiffusion
from engine.errors import InvalidParameter, NumericalError
from parameters import StyleDiffusion

LEARNED = ["null-text", "stylediffusion", "stylediffusion-faithful"]


def key(model: engine.Backbone, image: Image.Image, method: str, **params: Any) -> str:
    return engine.record_key(model, image, prompt="a cat", method=method, steps=3, params=params)


@pytest.mark.parametrize("method", LEARNED)
def test_keys_tell_parameters_and_scales_apart(
    model: engine.Backbone, image: Image.Image, method: str
) -> None:
    default = key(model, image, method)

    assert default == key(model, image, method, guidance_scale=model.spec.guidance_scale)
    assert default == key(model, image, method, guidance_scale=None)
    assert key(model, image, method, guidance_scale=3.0) == key(model, image, method, guidance_scale=3)
    assert (
        len({default, key(model, image, method, guidance_scale=3), key(model, image, method, inner_steps=5)})
        == 3
    )


@pytest.mark.parametrize("method", LEARNED)
def test_a_record_says_the_scale_it_was_made_for(
    model: engine.Backbone, image: Image.Image, method: str
) -> None:
    params = {"guidance_scale": 3, "inner_steps": 2}
    record = engine.invert(model, image, prompt="a cat", method=method, steps=3, params=params)
    read = engine.SourceRecord.unpack(record.pack())

    assert record.key == key(model, image, method, **params)
    assert (read.guidance_scale, read.method, read.params) == (3, method, params)
    assert read.learned.keys() == ({"uncond"} if method == "null-text" else {"gamma", "beta"})
    assert all(torch.equal(read.learned[name], record.learned[name]) for name in read.learned)


def test_other_methods_are_good_for_any_scale(record: engine.SourceRecord) -> None:
    assert record.guidance_scale is None


@pytest.mark.parametrize("method", LEARNED)
def test_nan_leaves_no_record(
    model: engine.Backbone, image: Image.Image, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    real = StableDiffusion.predict

    def predict(*args: Any) -> torch.Tensor:
        return real(*args) * (float("nan") if torch.is_grad_enabled() else 1)

    monkeypatch.setattr(StableDiffusion, "predict", predict)
    with pytest.raises(NumericalError, match="optimize"):
        engine.invert(model, image, prompt="a cat", method=method, steps=3)


def test_parameters_that_are_not_the_methods_are_refused(model: engine.Backbone, image: Image.Image) -> None:
    with pytest.raises(InvalidParameter, match="guidance_scale is"):
        key(model, image, "direct", guidance_scale=3)


def test_parameters_may_be_given_as_such_or_by_name(model: engine.Backbone, image: Image.Image) -> None:
    given = StyleDiffusion(inner_steps=5)
    asked: dict[str, Any] = {"prompt": "a cat", "method": "stylediffusion", "steps": 3}

    assert engine.record_key(model, image, **asked, params=given) == key(
        model, image, "stylediffusion", inner_steps=5
    )
    with pytest.raises(InvalidParameter, match="params is"):
        engine.record_key(model, image, **{**asked, "method": "ddim"}, params=given)
