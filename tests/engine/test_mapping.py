"""M_t: its size, its norm, and that a seed decides what it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.mapping import TokenMapping, film, seeded


def test_it_has_the_size_of_the_published_one() -> None:
    mapping = TokenMapping(vision=(197, 768), text=(77, 768))

    assert sum(weight.numel() for weight in mapping.parameters()) == 78_540


@pytest.mark.parametrize("width", [12, 7])
def test_it_scales_and_shifts_each_token_whatever_the_tower_is(width: int) -> None:
    mapping = TokenMapping(vision=(5, width), text=(3, 12))

    gamma, beta = mapping(torch.randn(1, 5, width))

    assert gamma.shape == beta.shape == (1, 3, 12)
    assert not torch.equal(gamma, beta)


def test_its_norm_is_batch_norm_in_training_at_a_batch_of_one() -> None:
    mapping = seeded(0, vision=(5, 12), text=(3, 12))
    batch_norm = nn.BatchNorm1d(6)
    with torch.no_grad():
        for ours, theirs in (
            (mapping.layers[2].weight, batch_norm.weight),
            (mapping.layers[2].bias, batch_norm.bias),
        ):
            theirs.copy_(ours.uniform_(0.5, 2))
    x = torch.randn(1, 6, 12, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(mapping.layers[2](x), batch_norm(x))
    assert not list(mapping.buffers())


def test_a_seed_decides_and_leaves_no_trace() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)

    first, again, other = (seeded(seed, vision=(5, 12), text=(3, 12)) for seed in (0, 0, 1))

    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_identity_reads_the_prompt_as_it_is() -> None:
    text = torch.randn(1, 3, 12).bfloat16()

    assert torch.equal(film(text, torch.ones(1, 3, 12), torch.zeros(1, 3, 12)), text)
    assert film(text, torch.full((1, 3, 12), 2.0), torch.ones(1, 3, 12)).dtype == torch.bfloat16
