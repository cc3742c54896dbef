"""Kinds of changes between two prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from prompts.lexicon import GRAMMAR, NUMBERS, POSITIONS, Lexicon, style_of
from prompts.reading import Reading, Thing, as_ground, read, same_noun

_ONE_TO_TEN = "one two three four five six seven eight nine ten"
_COUNTS = {"pair": 2, "couple": 2, "few": 3, "several": 4, "many": 5} | {
    name: count for count, name in enumerate(_ONE_TO_TEN.split(), start=1)
}


class Kind(StrEnum):
    """What an edit changes."""

    SWAP = "swap"
    COLOUR = "colour"
    BACKGROUND = "background"
    STYLE = "style"
    ADDED = "added"
    REMOVED = "removed"
    TAKEN_OFF = "taken_off"
    MOVED = "moved"
    SEVERAL = "several"
    REWORDED = "reworded"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A kind of change and the words it is about, as they are written in one of the prompts.

    `about`: the things that are swapped, coloured, added, removed, taken off or moved, one word each;
    `kept`: the things that stay as they are; `parts`: the single kinds of several; `cleared`: things go as a
    whole, and nothing else is asked.
    """

    kind: Kind
    about: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    parts: tuple[Kind, ...] = ()
    cleared: bool = False


def change(source: str, target: str, lexicon: Lexicon = GRAMMAR) -> Change:
    """The kind of change from one prompt to another, by their grammar and by a model's lexicon.

    A noun put in another's place is a swap, a word new before the same noun a colour (or another property),
    another phrase of place a background, another frame ("a sketch of") a style; things that only one of the
    prompts has are added or removed, what a thing wears no longer is taken off, another side is a move. What
    the target leaves unsaid of a thing, its place or its style is not asked to change.
    """
    before, after = _alike(read(source, lexicon), read(target, lexicon))
    about: dict[Kind, list[str]] = {}
    kept: list[str] = []
    pairs, gone, new = _matched(before.things, after.things)
    for old, now in zip(gone, new, strict=False):
        about.setdefault(Kind.SWAP, []).extend((before.text(old.head), after.text(now.head)))
    for thing in new[len(gone) :]:
        about.setdefault(Kind.ADDED, []).append(after.text(thing.head))
    for thing in gone[len(new) :]:
        about.setdefault(Kind.REMOVED, []).append(before.text(thing.head))
    for old, now in pairs:
        kind, word = _of_one(before, after, old, now)
        if kind is None:
            kept.append(word)
        else:
            about.setdefault(kind, []).append(word)
    if _moved(before, after, lexicon):
        about.setdefault(Kind.BACKGROUND, [])
    if after.style and style_of(after.style, lexicon) != style_of(before.style, lexicon):
        about.setdefault(Kind.STYLE, [])
    kinds = tuple(about)
    kind = kinds[0] if len(kinds) == 1 else Kind.SEVERAL if kinds else Kind.REWORDED
    named = tuple(dict.fromkeys(word for words in about.values() for word in words))
    cleared = kinds == (Kind.REMOVED,) and len(about[Kind.REMOVED]) == len(gone)
    return Change(kind=kind, about=named, kept=tuple(dict.fromkeys(kept)), parts=kinds, cleared=cleared)


def _alike(before: Reading, after: Reading) -> tuple[Reading, Reading]:
    """The readings, one that names only the other's background read as that background."""

    def only_ground(one: Reading, other: Reading) -> bool:
        return len(one.things) == 1 and not one.place and one.things[0].noun in other.ground

    if only_ground(after, before):
        return before, as_ground(after)
    return (as_ground(before), after) if only_ground(before, after) else (before, after)


def _matched(
    before: Sequence[Thing], after: Sequence[Thing]
) -> tuple[list[tuple[Thing, Thing]], list[Thing], list[Thing]]:
    """Things of both prompts, those of the source alone, and those of the target alone; alike ones first."""
    left, pairs = list(after), []
    gone = []
    for thing in before:
        same = [other for other in left if same_noun(thing.noun, other.noun)]
        same.sort(key=lambda other: other.marks != thing.marks)
        if same:
            pairs.append((thing, same[0]))
            left.remove(same[0])
        else:
            gone.append(thing)
    return pairs, gone, left


def _of_one(before: Reading, after: Reading, old: Thing, now: Thing) -> tuple[Kind | None, str]:
    """The change of one thing, None for none, and the word that names it."""
    worn, wears = {each.noun for each in old.worn}, {each.noun for each in now.worn}
    count, counts = _count(old), _count(now)
    if fresh := [each for each in now.worn if each.noun not in worn]:
        return Kind.ADDED, after.text(fresh[0].head)
    if dropped := [each for each in old.worn if each.noun not in wears]:
        return Kind.TAKEN_OFF, before.text(dropped[0].head)
    if count != counts:
        return Kind.ADDED if counts > count else Kind.REMOVED, after.text(now.head)
    fresh_marks = set(now.marks) - set(old.marks)
    kind = None if not fresh_marks else Kind.MOVED if fresh_marks <= POSITIONS else Kind.COLOUR
    return kind, after.text(now.head)


def _count(thing: Thing) -> int:
    return int(thing.number) if thing.number.isdecimal() else _COUNTS.get(thing.number, 1)


def _moved(before: Reading, after: Reading, lexicon: Lexicon) -> bool:
    """Whether the target says of the place what the source did not."""
    if not after.place:
        return False
    known = [_known(reading.ground, lexicon) for reading in (before, after)]
    if all(known):
        return known[0] != known[1]
    return bool(after.ground - before.ground - NUMBERS)


def _known(ground: frozenset[str], lexicon: Lexicon) -> str | None:
    """The background of the model's that these words name."""
    found = [name for name in lexicon.backgrounds if set(name.split()) <= ground]
    return max(found, key=len, default=None)
