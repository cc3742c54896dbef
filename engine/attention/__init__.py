"""The attention core: which layer, which call, and what may be changed there."""

from engine.attention.controls import AttentionControl, Chain, CrossEdit, SelfReplace
from engine.attention.heads import Heads, Term
from engine.attention.maps import Maps
from engine.attention.processor import controlled
from engine.attention.site import Site, coarsened, sites_of
from engine.attention.step import Branch, BranchName, Features, SourceStep, Step

__all__ = [
    "AttentionControl",
    "Branch",
    "BranchName",
    "Chain",
    "CrossEdit",
    "Features",
    "Heads",
    "Maps",
    "SelfReplace",
    "Site",
    "SourceStep",
    "Step",
    "Term",
    "coarsened",
    "controlled",
    "sites_of",
]
