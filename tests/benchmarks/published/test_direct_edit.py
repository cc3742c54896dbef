"""DirectEdit's step on the miniature."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.direct_edit import sample
from miniature.pairs import Pair


def test_the_source_comes_back_where_plain_sampling_leaves_its_path(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    prompt = pair.source.caption
    back = sample(diffusers_parts, path, prompt, guidance_scale=1.0)
    torch.testing.assert_close(back, path[:1], rtol=0, atol=1e-4)
    steps = len(path) - 1
    drifted = published.sample(diffusers_parts, path[-1:], prompt, steps=steps, guidance_scale=1.0)
    assert (drifted - path[:1]).abs().max() > 0.1


def test_another_prompt_makes_another_picture(
    diffusers_parts: published.Parts, path: Tensor, pair: Pair
) -> None:
    other = sample(diffusers_parts, path, pair.target.caption, guidance_scale=4.0)
    assert (other - path[:1]).abs().max() > 0.1
