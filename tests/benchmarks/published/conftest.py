"""The miniature in diffusers' parts, and a picture inverted with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from torch import Tensor

import engine
from benchmarks import published
from miniature import WEIGHTS
from miniature.pairs import Pair
from tests.benchmarks.published.parity import PROMPT, WIDE

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


@pytest.fixture(scope="module")
def direct(models: engine.Backbone) -> engine.SourceRecord:
    return engine.invert(models, WIDE.render(), prompt=PROMPT, method="direct", steps=STEPS)


@pytest.fixture
def decoded(models: Any) -> Iterator[list[Tensor]]:
    """The latents that are decoded, as they come."""
    seen: list[Tensor] = []
    factor = models.vae.config.scaling_factor
    hook = models.vae.post_quant_conv.register_forward_pre_hook(lambda _, args: seen.append(args[0] * factor))
    yield seen
    hook.remove()
