"""Plug-and-Play on the miniature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from benchmarks import published
from benchmarks.published.plug_and_play import attention_layers, edit, feature_layer, schedule
from miniature.pairs import Pair, held_out_pairs
from tests.benchmarks.published.conftest import STEPS

SCALE = 4.0
_NOTHING = {"feature_steps": 0, "attention_steps": 0}


def made(parts: published.Parts, path: Tensor, prompt: str, **asked: Any) -> Tensor:
    return edit(
        parts,
        path,
        prompt,
        guidance_scale=SCALE,
        **{"feature_steps": 4, "attention_steps": 3, **asked},
    )


def test_without_injection_it_is_plain_sampling(
    diffusers_parts: published.Parts, null_path: Tensor, pair: Pair
) -> None:
    prompt = pair.source.caption
    found = made(diffusers_parts, null_path, prompt, **_NOTHING)
    plain = published.sample(diffusers_parts, null_path[-1:], prompt, steps=STEPS, guidance_scale=SCALE)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-4)


@pytest.mark.parametrize("injected", [{"feature_steps": 0}, {}])
def test_injection_brings_pictures_closer_to_the_true_edit(
    diffusers_parts: published.Parts, injected: dict[str, int]
) -> None:
    """Whose layout is the source's."""
    near = far = 0.0
    for pair in held_out_pairs("colour", 4):
        path = published.invert(diffusers_parts, diffusers_parts.encode(pair.image), "", 10)
        truth = diffusers_parts.encode(pair.truth)
        with_it, without = (
            float((made(diffusers_parts, path, pair.target.caption, **asked) - truth).square().mean())
            for asked in ({"feature_steps": 8, "attention_steps": 5} | injected, _NOTHING)
        )
        near, far = near + with_it, far + without
    assert near < 0.95 * far


def test_on_the_path_and_with_no_prompt_there_is_nothing_to_inject(
    diffusers_parts: published.Parts, null_path: Tensor
) -> None:
    found, plain = (
        made(diffusers_parts, null_path, "", feature_steps=steps, attention_steps=steps) for steps in (1, 0)
    )
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-4)
    later = made(diffusers_parts, null_path, "", feature_steps=2, attention_steps=2)
    assert (later - plain).abs().max() > 1e-3


def test_the_negative_prompt_counts_by_what_the_schedule_leaves_to_it(
    diffusers_parts: published.Parts, null_path: Tensor, pair: Pair
) -> None:
    prompt, negative = pair.target.caption, pair.source.caption
    without = made(diffusers_parts, null_path, prompt)
    silent = made(diffusers_parts, null_path, prompt, negative_prompt=negative)
    torch.testing.assert_close(silent, without, rtol=0, atol=1e-4)
    heard = made(
        diffusers_parts, null_path, prompt, negative_prompt=negative, negative_prompt_schedule="linear"
    )
    assert (heard - without).abs().max() > 0.01


def test_schedules() -> None:
    assert schedule("linear", 5).tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert schedule("constant", 3).tolist() == [1, 1, 1]
    torch.testing.assert_close(schedule("exp", 3), torch.tensor([-0.0, -3.0, -6.0]).exp())


def test_layers_of_stable_diffusion() -> None:
    """Layer 4, and the self-attention of layers 4 to 11, in the decoder of Stable Diffusion 1."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
    assert feature_layer(unet) is unet.up_blocks[1].resnets[1]
    blocks = ["1.attentions.1", "1.attentions.2", *(f"{b}.attentions.{a}" for b in (2, 3) for a in range(3))]
    assert attention_layers(unet) == {
        f"up_blocks.{block}.transformer_blocks.0.attn1.processor" for block in blocks
    }
