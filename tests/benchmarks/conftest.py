"""The miniature, under both algorithms."""

from __future__ import annotations

import pytest

import engine
from benchmarks import plain
from miniature import WEIGHTS
from miniature.pairs import Pair, held_out_pairs


@pytest.fixture(scope="session")
def models() -> engine.Backbone:
    return engine.load("miniature")


@pytest.fixture(scope="session")
def parts(models: engine.Backbone) -> plain.Parts:
    return plain.Parts.load(models, WEIGHTS)


@pytest.fixture(scope="session")
def pair() -> Pair:
    return held_out_pairs("object", 3)[2]
