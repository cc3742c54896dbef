"""Sites, observers and controls: reading and editing the attention and features of a denoiser."""

from engine.attention.controls import Chain, CrossEdit, FeatureReplace, KeyValueReplace, SelfReplace
from engine.attention.heads import Heads, Term
from engine.attention.maps import Maps
from engine.attention.processor import controlled, wanted_of_source
from engine.attention.site import Kind, Site, Sites, Stage, coarsened
from engine.attention.step import Branch, Control, Features, Observer, SourceStep, Step, slices

__all__ = [
    "Branch",
    "Chain",
    "Control",
    "CrossEdit",
    "FeatureReplace",
    "Features",
    "Heads",
    "KeyValueReplace",
    "Kind",
    "Maps",
    "Observer",
    "SelfReplace",
    "Site",
    "Sites",
    "SourceStep",
    "Stage",
    "Step",
    "Term",
    "coarsened",
    "controlled",
    "slices",
    "wanted_of_source",
]
