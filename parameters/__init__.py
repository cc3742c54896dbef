"""Parameters of every inversion and edit method: names, bounds, defaults, help, and the rules about words."""

from parameters.auto import AUTO, RULE, Auto, Choice, Recipe, Table, choose
from parameters.base import EditParameters, InversionParameters, Parameters
from parameters.edits import P2P, P2Plus, Plain, PlugAndPlay, SDEdit
from parameters.errors import (
    BrokenPlugin,
    EmptyMask,
    Incompatible,
    InvalidParameter,
    PentimentoError,
    PromptsDoNotAlign,
    UnknownMethod,
    UnknownWord,
    is_number,
)
from parameters.fields import Fraction, GuidanceScale, Weights, Window, Windows, Word, Words
from parameters.inversions import (
    DDIM,
    Direct,
    EditFriendly,
    Encode,
    NullText,
    Painted,
    StyleDiffusion,
    StyleDiffusionFaithful,
)
from parameters.registry import EDITS, GROUP, INVERSIONS, find, for_pictures
from parameters.rules import check_guided, check_negative_prompt, compatible
from parameters.values import build, changed_from_defaults, preset, resolved
from prompts import Kind, Lexicon

__all__ = [
    "AUTO",
    "DDIM",
    "EDITS",
    "GROUP",
    "INVERSIONS",
    "P2P",
    "RULE",
    "Auto",
    "BrokenPlugin",
    "Choice",
    "Direct",
    "EditFriendly",
    "EditParameters",
    "EmptyMask",
    "Encode",
    "Fraction",
    "GuidanceScale",
    "Incompatible",
    "InvalidParameter",
    "InversionParameters",
    "Kind",
    "Lexicon",
    "NullText",
    "P2Plus",
    "Painted",
    "Parameters",
    "PentimentoError",
    "Plain",
    "PlugAndPlay",
    "PromptsDoNotAlign",
    "Recipe",
    "SDEdit",
    "StyleDiffusion",
    "StyleDiffusionFaithful",
    "Table",
    "UnknownMethod",
    "UnknownWord",
    "Weights",
    "Window",
    "Windows",
    "Word",
    "Words",
    "build",
    "changed_from_defaults",
    "check_guided",
    "check_negative_prompt",
    "choose",
    "compatible",
    "find",
    "for_pictures",
    "is_number",
    "preset",
    "resolved",
]
