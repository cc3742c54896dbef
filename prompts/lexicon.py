"""Vocabularies of captions: closed classes of words, and what a model's lexicon adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def each_of(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


ARTICLES = each_of("a an the this that these those some its his her my your our")
NUMBERS = each_of(
    """one two three four five six seven eight nine ten several many few pair couple 1 2 3 4 5 6 7 8 9"""
)
POSITIONS = each_of("left right top bottom middle center centre corner side foreground")
COLOURS = each_of(
    """red orange yellow green blue purple violet pink brown black white grey gray golden gold silver
    beige turquoise teal cyan magenta maroon navy crimson scarlet emerald indigo colourful colorful"""
)
MEDIA = each_of(
    """photo photograph photography watercolour watercolor watercolours watercolors sketch drawing
    painting picture image illustration cartoon comic anime manga render rendering engraving etching
    woodcut print poster mosaic fresco collage portrait sculpture statue origami pixel pencil
    charcoal crayon pastel oil acrylic ink lineart doodle"""
)
_BY_ITSELF = each_of("picture image painting drawing style art illustration print")


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The vocabulary of a model: things, colours, styles, backgrounds, each of one word or several."""

    objects: frozenset[str] = frozenset()
    colours: frozenset[str] = frozenset()
    styles: frozenset[str] = frozenset()
    backgrounds: frozenset[str] = frozenset()

    def is_colour(self, word: str) -> bool:
        """Whether a folded word names a colour."""
        return word in COLOURS or word in self.colours

    def is_style(self, word: str) -> bool:
        """Whether a folded word names a way to paint."""
        return word in MEDIA or any(word in style.split() for style in self.styles)


GRAMMAR = Lexicon()


def style_of(style: Sequence[str], lexicon: Lexicon = GRAMMAR) -> frozenset[str]:
    """The words that distinguish styles, in one spelling."""
    spelt = {word.removesuffix("s").replace("color", "colour") for word in style}
    spelt = {"photo" if word.startswith("photo") else word for word in spelt}
    named = {word for word in spelt if word not in _BY_ITSELF and lexicon.is_style(word)}
    return frozenset(named or spelt - _BY_ITSELF or spelt)
