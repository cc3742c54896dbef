"""What a word of a prompt is, where it stands, and which words two prompts share."""

from prompts.changes import Changes, changed, common
from prompts.places import SMALL, places
from prompts.words import UnknownWord, Word, find, words

__all__ = ["SMALL", "Changes", "UnknownWord", "Word", "changed", "common", "find", "places", "words"]
