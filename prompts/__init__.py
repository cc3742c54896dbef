"""Prompts as words: alignment of two prompts, kinds of changes, and instructions."""

from prompts.changes import Changes, changed, common
from prompts.instructions import Instruction, ground_alone, instruction
from prompts.kinds import Change, Kind, change
from prompts.lexicon import GRAMMAR, Lexicon
from prompts.places import SMALL, places
from prompts.syntax import Foreign, foreign
from prompts.words import UnknownWord, Word, find, words

__all__ = [
    "GRAMMAR",
    "SMALL",
    "Change",
    "Changes",
    "Foreign",
    "Instruction",
    "Kind",
    "Lexicon",
    "UnknownWord",
    "Word",
    "change",
    "changed",
    "common",
    "find",
    "foreign",
    "ground_alone",
    "instruction",
    "places",
    "words",
]
