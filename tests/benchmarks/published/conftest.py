"""The miniature in diffusers' parts, and a picture inverted with them."""

from __future__ import annotations

import pytest
from torch import Tensor

from benchmarks import published
from miniature import WEIGHTS
from miniature.pairs import Pair

STEPS = 5


@pytest.fixture(scope="session")
def diffusers_parts() -> published.Parts:
    return published.Parts.load(WEIGHTS)


@pytest.fixture(scope="session")
def latent(diffusers_parts: published.Parts, pair: Pair) -> Tensor:
    return diffusers_parts.encode(pair.image)


@pytest.fixture(scope="session")
def path(diffusers_parts: published.Parts, latent: Tensor, pair: Pair) -> Tensor:
    """DDIM with the source prompt."""
    return published.invert(diffusers_parts, latent, pair.source.caption, STEPS)


@pytest.fixture(scope="session")
def null_path(diffusers_parts: published.Parts, latent: Tensor) -> Tensor:
    """DDIM with the empty prompt."""
    return published.invert(diffusers_parts, latent, "", STEPS)
