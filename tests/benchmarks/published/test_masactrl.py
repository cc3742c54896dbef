"""MasaCtrl on the miniature."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from benchmarks import published
from benchmarks.published.masactrl import edit, in_order
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS

SCALE = 4.0


def test_before_its_first_step_both_rows_are_sampled_plainly(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    prompts = pair.source.caption, pair.target.caption
    rows = edit(diffusers_parts, path[-1:], *prompts, steps=STEPS, first_step=STEPS, guidance_scale=SCALE)
    for row, prompt in zip(rows.split(1), prompts, strict=True):
        alone = published.sample(diffusers_parts, path[-1:], prompt, steps=STEPS, guidance_scale=SCALE)
        torch.testing.assert_close(row, alone, rtol=0, atol=1e-4)


def test_an_edit_of_nothing_changes_nothing(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    prompt = pair.source.caption
    source, target = edit(
        diffusers_parts, path[-1:], prompt, prompt, steps=STEPS, first_step=0, first_layer=0
    )
    torch.testing.assert_close(target, source, rtol=0, atol=1e-4)


def test_layers_of_stable_diffusion() -> None:
    """Six in the encoder, one in the middle, nine in the decoder: the tenth is the first at 32x32."""
    with torch.device("meta"):
        layers = in_order(UNet2DConditionModel(cross_attention_dim=768))
    assert len(layers) == 16
    assert layers[6].startswith("mid_block.")
    assert layers[10] == "up_blocks.2.attentions.0.transformer_blocks.0.attn1.processor"
