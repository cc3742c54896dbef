"""The parameters of the edit methods that the project brings."""

from typing import Final

from parameters.base import EditParameters
from parameters.edits.features import MasaCtrl, PlugAndPlay
from parameters.edits.guidance import Plain, PromptInterpolation
from parameters.edits.p2p import P2P, P2Plus
from parameters.edits.partial import DiffEdit, SDEdit, UniEdit

OWN: Final[tuple[type[EditParameters], ...]] = (
    P2P,
    P2Plus,
    Plain,
    PlugAndPlay,
    PromptInterpolation,
    MasaCtrl,
    SDEdit,
    DiffEdit,
    UniEdit,
)
"""In the order in which they are listed."""

__all__ = [
    "OWN",
    "P2P",
    "DiffEdit",
    "MasaCtrl",
    "P2Plus",
    "Plain",
    "PlugAndPlay",
    "PromptInterpolation",
    "SDEdit",
    "UniEdit",
]
