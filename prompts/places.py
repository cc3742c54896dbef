"""The words of a source prompt at whose places a target changes it."""

from __future__ import annotations

from typing import Final

from prompts.changes import changed
from prompts.words import words

# Words that say how the others belong together.
_SMALL_WORDS: Final = """
a an the this that these those some and or of in on at to with from by for near under over
behind beside between into onto through there is are it its as
"""
SMALL: Final = frozenset(_SMALL_WORDS.split())


def places(source: str, target: str) -> tuple[int, ...]:
    """Indices of words of the source: those that go, and the noun of an adjective that goes or comes.

    A word whose next one is kept and no preposition or the like counts as its adjective. What comes behind a
    word ("wearing a hat") is where that word is. Empty where no word changes.
    """
    folded = [word.folded for word in words(source)]
    changes = changed(source, target)
    met = {j: i for i, j in changes.kept}
    found: set[int] = set()
    for gone, new in changes.gaps:
        own = [index for index in gone if folded[index] not in SMALL]
        following = gone[-1] + 1 if gone else met.get(new[-1] + 1, len(folded))
        found |= set(own)
        if following < len(folded) and folded[following] not in SMALL:
            found.add(following)
        elif not own:
            found |= set([index for index in range(following) if folded[index] not in SMALL][-1:])
    return tuple(sorted(found))
