"""The attention core: which layer, which call, and what may be changed there."""

from engine.attention.controls import AttentionControl, Chain, CrossEdit, Heads, SelfReplace
from engine.attention.processor import controlled
from engine.attention.site import Site, coarsened, sites_of
from engine.attention.step import Branch, Step

__all__ = [
    "AttentionControl",
    "Branch",
    "Chain",
    "CrossEdit",
    "Heads",
    "SelfReplace",
    "Site",
    "Step",
    "coarsened",
    "controlled",
    "sites_of",
]
