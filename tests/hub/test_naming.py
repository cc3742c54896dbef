"""Names of models and of what is laid over them."""

from __future__ import annotations

import pytest

from hub.naming import ModelName


def test_a_name_says_what_is_laid_over_a_model() -> None:
    loras = "lora:ink.safetensors:0.8 + lora:C:/x.safetensors"
    name = ModelName.parse(f"some/model + {loras} + vae:some/vae + embedding:cat.safetensors")

    assert name.base == "some/model"
    assert name.loras == (("ink.safetensors", 0.8), ("C:/x.safetensors", 1.0))
    assert (name.vae, name.embeddings) == ("some/vae", ("cat.safetensors",))
    assert ModelName.parse("a folder+with a plus").base == "a folder+with a plus"


@pytest.mark.parametrize("weight", ["nan", "inf", "-inf", "1e999"])
def test_a_weight_is_a_finite_number(weight: str) -> None:
    with pytest.raises(ValueError, match=rf"the LoRA ink is {weight}, expected a finite number"):
        ModelName.parse(f"m + lora:ink:{weight}")


@pytest.mark.parametrize("text", ["m + style:x", "m + lora:", "m + x", "m + vae:a + vae:b"])
def test_other_additions_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of lora|two autoencoders"):
        ModelName.parse(text)
