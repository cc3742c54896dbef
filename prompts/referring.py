"""What the phrases of an instruction refer to in a source prompt: a thing, the background, or the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompts.lexicon import ARTICLES, Lexicon, each_of
from prompts.reading import Reading, same_noun
from prompts.words import words

_ALL = each_of("it this that everything all picture image photo scene them him her whole entire")
_GROUND = each_of("background backdrop ground floor scenery surroundings setting")
PREPOSITION = re.compile(
    r"^(on|in|at|under|against|inside|near|behind|above|over|by|in front of|on top of)\s+", re.IGNORECASE
)


def means_whole(text: str) -> bool:
    """Whether this means the picture as a whole, or its one thing."""
    folded = [word.folded for word in words(text)]
    named = [word for word in folded if word not in ARTICLES]
    return bool(named) and folded[-1] not in ARTICLES and all(word in _ALL for word in named)


def thing_meant(reading: Reading, text: str) -> int | None:
    """The index of the thing of the source that a phrase means."""
    folded = [word.folded for word in words(text)]
    content = [word for word in folded if word not in ARTICLES]
    if not content or folded[-1] in ARTICLES:
        return None
    named = [at for at, thing in enumerate(reading.things) if same_noun(thing.noun, content[-1])]
    marked = [
        at for at in named if set(content[:-1]) <= {*reading.things[at].marks, reading.things[at].number}
    ]
    return next(iter(marked), None)


def means_ground(reading: Reading, text: str) -> bool:
    """Whether this means the background of the source."""
    content = [word.folded for word in words(text) if word.folded not in ARTICLES]
    return bool(content) and (
        content[-1] in _GROUND or any(same_noun(content[-1], phrase.noun) for phrase in reading.place)
    )


def names_ground(new: str, content: Sequence[str], lexicon: Lexicon) -> bool:
    """Whether a text, whose words without articles are the `content`, names a background."""
    if PREPOSITION.match(new) and not any(map(lexicon.is_style, content)):
        return True
    named = any(set(name.split()) <= set(content) for name in lexicon.backgrounds)
    return named and not any(word in lexicon.objects for word in content)
