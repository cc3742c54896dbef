"""Parsing of prompts as short captions: things, their place, and the style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from prompts.lexicon import ARTICLES, GRAMMAR, NUMBERS, POSITIONS, Lexicon, each_of
from prompts.words import Word, words

_PLACING = each_of(
    """on in at against under above over below beneath near behind before by inside outside among amid
    between upon atop within across along around through"""
)
_BESIDE = each_of("beside alongside next")
_WITH = each_of("with wearing has having wears")
_FILLERS = each_of("of front to top")
_AND = frozenset({"and", "&", "plus"})
_MOST_THINGS = 64
"""More than any caption names. Things of two prompts are compared pair by pair, so they are bounded."""


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A noun with what goes before it: words [start, stop) of the prompt, `head` the noun's index.

    `number` and `marks` are the folded words before the noun, without articles.
    """

    start: int
    stop: int
    head: int
    noun: str
    number: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Thing(Phrase):
    """A thing in the picture, with what it wears or holds."""

    worn: tuple[Phrase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A prompt in parts; `place` is the phrase of the background, from its preposition `placed` on.

    `style` are the folded words of how it is painted; `[body[0], body[1])` are the words beside the frame
    of the style.
    """

    prompt: str
    there: tuple[Word, ...]
    things: tuple[Thing, ...] = ()
    place: tuple[Phrase, ...] = ()
    placed: int | None = None
    style: tuple[str, ...] = ()
    body: tuple[int, int] = (0, 0)

    def text(self, index: int) -> str:
        """A word as it is written."""
        return self.there[index].text

    @property
    def ground(self) -> frozenset[str]:
        """The folded words of the background."""
        return frozenset(word for phrase in self.place for word in (*phrase.marks, phrase.noun))


@dataclass
class _Parts:
    things: list[Thing] = field(default_factory=list)
    place: list[Phrase] = field(default_factory=list)
    placed: int | None = None


def read(prompt: str, lexicon: Lexicon = GRAMMAR) -> Reading:
    """The parts of a prompt."""
    there = words(prompt)
    folded = [word.folded for word in there]
    start, stop, style = _frame(prompt, there, folded, lexicon)
    parts = _Parts()
    for first, last in _clauses(prompt, there, start, stop):
        _read_clause(folded, first, last, lexicon, parts)
    reading = Reading(
        prompt=prompt,
        there=there,
        things=tuple(parts.things),
        place=tuple(parts.place),
        placed=parts.placed,
        style=style,
        body=(start, stop),
    )
    return _bare(reading, lexicon)


def same_noun(one: str, other: str) -> bool:
    """Whether two folded nouns are one but for the plural."""
    short, long = sorted((one, other), key=len)
    return long in (short, f"{short}s", f"{short}es") or (short[:-1] == long[:-3] and long.endswith("ies"))


def _frame(
    prompt: str, there: Sequence[Word], folded: Sequence[str], lexicon: Lexicon
) -> tuple[int, int, tuple[str, ...]]:
    """The span of a prompt without the words of its style, and these words."""
    start, stop, style = 0, len(folded), []
    if "of" in folded[:6]:
        of = folded.index("of")
        if any(map(lexicon.is_style, folded[:of])):
            start, style = of + 1, [word for word in folded[:of] if word not in ARTICLES]
    for first, last in reversed(list(_clauses(prompt, there, start, stop))[1:]):
        if not any(map(lexicon.is_style, folded[first:last])):
            break
        stop, style = first, [*style, *folded[first:last]]
    skipped = ARTICLES | _FILLERS
    for at in range(start + 1, stop):
        if folded[at] not in ("in", "as"):
            continue
        rest = [word for word in folded[at + 1 : stop] if word not in skipped]
        if rest and ("style" in rest or all(map(lexicon.is_style, rest))):
            return start, at, (*style, *rest)
    return start, stop, tuple(style)


def _clauses(prompt: str, there: Sequence[Word], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Runs of words without punctuation between them."""
    first = start
    for at in range(start + 1, stop):
        if set(prompt[there[at - 1].stop : there[at].start]) & set(",;.:|()"):
            yield first, at
            first = at
    if first < stop:
        yield first, stop


def _read_clause(folded: Sequence[str], start: int, stop: int, lexicon: Lexicon, parts: _Parts) -> None:
    at = start
    role, begun = "thing", start
    while at <= stop:
        word = folded[at] if at < stop else ""
        after = folded[at + 1] if at + 1 < stop else ""
        new = word in _AND or word in _WITH or word in _BESIDE or word in _PLACING or word == "without"
        if at == stop or new:
            _take(folded, begun, at, role, lexicon, parts)
        if not new:
            at += 1
            continue
        begun = at
        counted = after in ("a", "an") or after in NUMBERS
        if word in _AND:
            role = "thing" if role != "place" or counted or after in lexicon.objects else "place"
        elif word in _WITH:
            role = "worn"
        elif word == "without":
            role = "absent"
        elif word in _BESIDE:
            role = "thing"
        else:
            role = "place"
        at += 1
        while at < stop and folded[at] in _FILLERS:
            at += 1


def _take(folded: Sequence[str], start: int, stop: int, role: str, lexicon: Lexicon, parts: _Parts) -> None:
    """Add the words [start, stop) to what was read; a preposition or a joint may begin them."""
    joints = _AND | _WITH | _BESIDE | _PLACING | _FILLERS
    first = start
    while first < stop and folded[first] in joints:
        first += 1
    phrase = _phrase(folded, first, stop, lexicon)
    if phrase is None or role == "absent":
        return
    if role == "place" and phrase.noun in POSITIONS and parts.things:
        last = parts.things[-1]
        parts.things[-1] = replace(last, stop=stop, marks=(*last.marks, phrase.noun))
    elif role == "place":
        parts.place.append(phrase)
        parts.placed = start if parts.placed is None else parts.placed
    elif role == "worn" and parts.things and phrase.noun not in lexicon.objects:
        last = parts.things[-1]
        parts.things[-1] = replace(last, stop=stop, worn=(*last.worn, replace(phrase, start=start)))
    elif len(parts.things) < _MOST_THINGS:
        parts.things.append(Thing(**vars(phrase)))


def _phrase(folded: Sequence[str], start: int, stop: int, lexicon: Lexicon) -> Phrase | None:
    """The phrase of the words [start, stop), None if they hold no noun."""
    content = [at for at in range(start, stop) if folded[at] not in ARTICLES | _FILLERS]
    number = next((folded[at] for at in content if folded[at] in NUMBERS), "")
    content = [at for at in content if folded[at] not in NUMBERS]
    if not content:
        return None
    known = [at for at in content if folded[at] in lexicon.objects]
    doing = (
        len(content) > 1
        and folded[content[-1]].endswith("ing")
        and folded[content[-1]] not in lexicon.objects
    )
    head = known[-1] if known else content[-2] if doing else content[-1]
    marks = tuple(folded[at] for at in content if at != head)
    return Phrase(start=start, stop=stop, head=head, noun=folded[head], number=number, marks=marks)


def _bare(reading: Reading, lexicon: Lexicon) -> Reading:
    """A prompt of nothing but a background that the model knows has no thing in it."""
    if len(reading.things) != 1 or reading.place:
        return reading
    thing = reading.things[0]
    named = {*thing.marks, thing.noun}
    if thing.noun in lexicon.objects or not any(set(name.split()) <= named for name in lexicon.backgrounds):
        return reading
    return as_ground(reading)


def as_ground(reading: Reading) -> Reading:
    """The reading of a prompt whose only thing is the background itself."""
    (thing,) = reading.things
    phrase = Phrase(**{name: getattr(thing, name) for name in Phrase.__dataclass_fields__})
    return replace(reading, things=(), place=(phrase,))
