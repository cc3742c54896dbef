"""Captions as people might write them: synonyms, both spellings, instructions, absences, typing errors."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from miniature.accessories import ACCESSORIES, WEARERS
from miniature.render import OBJECTS
from miniature.scenes import Scene
from miniature.synonyms import (
    ABSENT,
    ALONE,
    COLOUR_NAMES,
    COUNTS,
    EXTENTS,
    FRAMES,
    GROUNDS,
    JOINTS,
    NOUNS,
    STYLE_FRAMES,
    WORN,
)
from miniature.things import Thing
from miniature.words import BARE, PLACES, PLURALS

# Private characters around the words for a thing, removed by `_unmarked`.
_OPEN: Final = tuple(chr(0xE000 + index) for index in range(8))
_CLOSE: Final = chr(0xE010)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A caption and, for each thing of its scene, the characters [first, last) that name it."""

    text: str
    spans: tuple[tuple[int, int], ...]


def paraphrase(scene: Scene, rng: np.random.Generator, *, typos: bool = True) -> Caption:
    """A random caption that is true of the scene; it may leave details out or name what is absent.

    `typos` misspells a word of every tenth.
    """
    words = _things(scene, rng) if scene.things else _ground(scene, rng)
    if scene.things and rng.random() < 0.92:
        words = _placed(words, scene.background, rng)
    if scene.things and rng.random() < 0.07:
        words = f"{words} {_pick(rng, ABSENT)} {_article(_missing(scene, rng))}"
    if "style" not in scene.leave_out:
        words = _pick(rng, STYLE_FRAMES[scene.style]).format(words)
    if rng.random() < 0.2:
        words = _pick(rng, FRAMES).format(words)
    if rng.random() < 0.1 and typos:
        words = _typo(words, rng)
    if rng.random() < 0.1:
        words += _pick(rng, ("!", ".", ", please"))
    return _unmarked(words, len(scene.things))


def own_caption(scene: Scene) -> Caption:
    """The scene's own caption, with the words that name its things."""
    spans, after = [], 0
    for thing in scene.things:
        noun = thing.object if thing.count == 1 else PLURALS[thing.object]
        first = scene.caption.index(noun, after)
        after = first + len(noun)
        spans.append((first, after))
    return Caption(text=scene.caption, spans=tuple(spans))


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _common(rng: np.random.Generator, choices: tuple[str, ...], chance: float = 0.7) -> str:
    """The first choice with a chance, or else any of them."""
    return choices[0] if rng.random() < chance else _pick(rng, choices)


def _article(words: str) -> str:
    bare = words.lstrip("".join(_OPEN))
    return f"{'an' if bare[0] in 'aeiou' else 'a'} {words}"


def _noun(thing: Thing, rng: np.random.Generator) -> str:
    name = _common(rng, (thing.object, *NOUNS[thing.object]))
    if thing.count == 1:
        return name
    if name == thing.object:
        return PLURALS[name]
    return name + "es" if re.search("(s|x|ch)$", name) else re.sub("y$", "ie", name) + "s"


def _thing(index: int, scene: Scene, rng: np.random.Generator) -> str:
    thing = scene.things[index]
    words = f"{_OPEN[index]}{_noun(thing, rng)}{_CLOSE}"
    alone = len(scene.things) == 1
    # The colours of two objects are both named, or the one that is could belong to either.
    if thing.colour and (rng.random() < 0.93 or not alone):
        words = f"{_common(rng, COLOUR_NAMES[thing.colour], 0.85)} {words}"
    if "extent" in scene.mention and thing.extent:
        words = f"{_common(rng, EXTENTS[thing.extent], 0.5)} {words}"
    if thing.count > 1:
        words = f"{_common(rng, COUNTS[thing.count], 0.6)} {words}"
    else:
        words = f"the {words}" if rng.random() < 0.05 else _article(words)
    if thing.accessory:
        worn = ACCESSORIES[thing.accessory][thing.count > 1]
        words = f"{words} {_pick(rng, WORN)} {worn}"
    elif thing.object in WEARERS and rng.random() < 0.08:
        words = f"{words} {_pick(rng, ABSENT)} {_pick(rng, ('a hat', 'glasses'))}"
    if "side" in scene.mention and thing.side:
        words = f"{words} {_pick(rng, ('on the', 'at the', 'to the'))} {thing.side}"
    return words


def _things(scene: Scene, rng: np.random.Generator) -> str:
    phrases = [_thing(index, scene, rng) for index in range(len(scene.things))]
    if len(phrases) == 2 and rng.random() < 0.3:
        phrases.reverse()
    return _common(rng, JOINTS).join(phrases)


def _ground(scene: Scene, rng: np.random.Generator) -> str:
    bare = _pick(rng, (*BARE[scene.background], *GROUNDS[scene.background][1]))
    if rng.random() < 0.35:
        return f"{bare} {_pick(rng, ABSENT)} {_article(_missing(scene, rng))}"
    return _common(rng, ALONE).format(bare)


def _placed(words: str, background: str, rng: np.random.Generator) -> str:
    place = _pick(rng, (*PLACES[background], *PLACES[background], *GROUNDS[background][0]))
    return f"{place}, {words}" if rng.random() < 0.06 else f"{words} {place}"


def _missing(scene: Scene, rng: np.random.Generator) -> str:
    """An object that the scene does not show."""
    shown = {thing.object for thing in scene.things}
    return str(rng.choice([name for name in OBJECTS if name not in shown]))


def _typo(words: str, rng: np.random.Generator) -> str:
    """One letter of one longer word doubled, dropped, changed or swapped with the next."""
    long = list(re.finditer(r"[a-z]{4,}", words))
    if not long:
        return words
    match = long[int(rng.integers(len(long)))]
    at = int(rng.integers(match.start() + 1, match.end() - 1))
    before, letter, after = words[:at], words[at], words[at + 1 :]
    match int(rng.integers(4)):
        case 0:
            return before + letter + letter + after
        case 1:
            return before + after
        case 2:
            return before + _LETTERS[int(rng.integers(26))] + after
    return before + after[0] + letter + after[1:]


def _unmarked(words: str, things: int) -> Caption:
    text, starts, spans, inside = "", {}, {}, 0
    for character in words:
        if character in _OPEN:
            inside = _OPEN.index(character)
            starts[inside] = len(text)
        elif character == _CLOSE:
            spans[inside] = (starts[inside], len(text))
        else:
            text += character
    return Caption(text=text, spans=tuple(spans[index] for index in range(things)))
