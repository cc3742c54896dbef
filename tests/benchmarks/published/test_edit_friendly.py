"""Edit-friendly DDPM inversion on the miniature."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks import published
from benchmarks.published.edit_friendly import edit, invert, noised
from miniature.pairs import Pair
from tests.benchmarks.published.conftest import STEPS


@pytest.fixture(scope="module")
def noisy(diffusers_parts: published.Parts, latent: Tensor) -> Tensor:
    noise = torch.randn(STEPS, *latent.shape[1:], generator=torch.Generator().manual_seed(0))
    return noised(diffusers_parts, latent, noise)


def test_levels_are_as_noisy_as_they_should_be(
    diffusers_parts: published.Parts, noisy: Tensor, latent: Tensor
) -> None:
    levels = published.Levels.of(diffusers_parts, STEPS)
    for alpha, x in zip(levels.alphas[1:], noisy[1:], strict=True):
        assert float((x - alpha**0.5 * latent).std()) == pytest.approx((1 - alpha) ** 0.5, rel=0.1)


@pytest.mark.parametrize("start", [STEPS, STEPS - 2])
@pytest.mark.parametrize("prompted", [True, False])
def test_the_source_comes_back_from_any_level(
    diffusers_parts: published.Parts, noisy: Tensor, pair: Pair, start: int, prompted: bool
) -> None:
    prompt = pair.source.caption if prompted else ""
    maps = invert(diffusers_parts, noisy, prompt, guidance_scale=3.5)
    back = edit(diffusers_parts, noisy, maps, prompt, start=start, guidance_scale=3.5)
    torch.testing.assert_close(back, noisy[:1], rtol=0, atol=1e-4)


def test_another_prompt_makes_another_picture(
    diffusers_parts: published.Parts, noisy: Tensor, pair: Pair
) -> None:
    maps = invert(diffusers_parts, noisy, pair.source.caption)
    other = edit(diffusers_parts, noisy, maps, pair.target.caption, start=STEPS - 1)
    assert (other - noisy[:1]).abs().max() > 0.1


def test_the_published_code_leaves_out_the_last_map(
    diffusers_parts: published.Parts, noisy: Tensor, pair: Pair
) -> None:
    kept, zeroed = (
        invert(diffusers_parts, noisy, pair.source.caption, last_noise=last) for last in (True, False)
    )
    assert zeroed[0].eq(0).all()
    assert kept[0].ne(0).any()
    assert torch.equal(kept[1:], zeroed[1:])
