"""Instructions such as "make the cat a fox", turned into what the picture is to show, by rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prompts.reading import ARTICLES, GRAMMAR, NUMBERS, Lexicon, Reading, Thing, each_of, read, same_noun
from prompts.words import words

_PLEASE = re.compile(
    r"^\s*(?:please|now|can you|could you|let's|i want (?:you )?to|i would like (?:you )?to)[\s,]+",
    re.IGNORECASE,
)
_TURN = "make|turn|change|convert|transform|paint|colou?r|dye|render|redraw|repaint"
_REMOVE = "remove|delete|erase|drop|take away|take out|take off|get rid of|cut out"
_ADD = "add|put|insert|include|place|draw|give|dress|set|move"
_REPLACE = "replace|swap|exchange|substitute"
_VERB = re.compile(rf"^({_TURN}|{_REMOVE}|{_ADD}|{_REPLACE})\b\s*", re.IGNORECASE)
_ALL = each_of("it this that everything all picture image photo scene them him her whole entire")
_GROUND = each_of("background backdrop ground floor scenery surroundings setting")
_WORN = each_of(
    """hat cap crown helmet glasses sunglasses scarf tie bow beard moustache mustache mask collar
    ribbon necklace shirt coat jacket"""
)
_PREPOSITION = re.compile(
    r"^(on|in|at|under|against|inside|near|behind|above|over|by|in front of|on top of)\s+", re.IGNORECASE
)

_LONGEST_PHRASE = 8
"""In words, of what an instruction is about; every cut is compared with the source, so they are bounded."""


@dataclass(frozen=True)
class Instruction:
    """An instruction, and the prompt that it means; None where no rule fits."""

    prompt: str | None


def instruction(source: str, target: str, lexicon: Lexicon = GRAMMAR) -> Instruction | None:
    """The prompt that an instruction means for a source; None if the target is no instruction.

    A target is an instruction if it begins with what is to be done and the source does not.
    """
    told = _PLEASE.sub("", target).strip().rstrip(".!")
    verb = _VERB.match(told)
    if verb is None or _VERB.match(source.strip()):
        return None
    rest, reading = told[verb.end() :].strip(), read(source, lexicon)
    if not reading.there:
        return Instruction(None)
    done = verb[1].casefold()
    if re.fullmatch(_REMOVE, done):
        return Instruction(_removed(reading, rest, lexicon))
    if re.fullmatch(_REPLACE, done):
        old, _, new = _halves(rest, r"\s+(?:with|by|for|into|to)\s+")
        return Instruction(_turned(reading, old, new, lexicon) if new else None)
    if re.fullmatch(_ADD, done):
        return Instruction(_added(reading, done, rest, lexicon))
    return Instruction(_made(reading, rest, lexicon))


def ground_alone(prompt: str, lexicon: Lexicon = GRAMMAR) -> str | None:
    """The prompt without its things, in its style: the background; None where it names none."""
    reading = read(prompt, lexicon)
    return _framed(reading, "", _bare_ground(reading)) if reading.place else None


def _made(reading: Reading, rest: str, lexicon: Lexicon) -> str | None:
    """After "make", "turn" and their like: what, and into what."""
    old, joint, new = _halves(f" {rest}", r"\s+(?:into|to|(?:look )?like|wear|become|be)\s+")
    if new:
        if joint.strip() == "wear":
            return _dressed(reading, old, new)
        what = re.sub(r"^\s*(?:the )?colou?r of\s+", "", old, flags=re.IGNORECASE)
        return _turned(reading, what.strip() or "it", new, lexicon)
    for old, new in _cuts(rest):
        if _whole(old) or _thing(reading, old) is not None or _is_ground(reading, old):
            return _turned(reading, old, new, lexicon)
    return None


def _turned(reading: Reading, old: str, new: str, lexicon: Lexicon) -> str | None:
    """The source with one of its parts turned into something else."""
    told = [word.folded for word in words(new)]
    content = [word for word in told if word not in ARTICLES]
    if not content:
        return None
    whole, at = _whole(old), _thing(reading, old)
    if _is_ground(reading, old) or (whole and _names_ground(new, content, lexicon)):
        return _placed(reading, new)
    if whole and any(map(lexicon.is_style, content)) and not any(word in lexicon.objects for word in content):
        return _styled(reading, new, content)
    if not reading.things or (at is None and not whole):
        return None
    thing = reading.things[at or 0]
    bare = told[0] not in ARTICLES and told[0] not in NUMBERS
    if all(map(lexicon.is_colour, content)) or (
        bare and len(content) == 1 and content[0] not in lexicon.objects
    ):
        return _coloured(reading, thing, new if bare else " ".join(content), lexicon)
    article = f"{_article(content[0])} " if bare else ""
    return _spliced(reading, thing.start, _phrase_end(reading, thing), f"{article}{new}")


def _removed(reading: Reading, rest: str, lexicon: Lexicon) -> str | None:
    """The source without a thing, or without what it wears."""
    what = _halves(rest, r"\s+(?:from|off|of|in)\s+")[0]
    nouns = [word.folded for word in words(what) if word.folded not in ARTICLES]
    if not nouns:
        return None
    for thing in reading.things:
        for worn in thing.worn:
            if same_noun(worn.noun, nouns[-1]):
                return _spliced(reading, worn.start, worn.stop, "")
    at = _thing(reading, what)
    if at is None:
        return None
    left = [thing for index, thing in enumerate(reading.things) if index != at]
    if left:
        return _framed(reading, _listed(reading, left), _ground_text(reading))
    return ground_alone(reading.prompt, lexicon)


def _added(reading: Reading, done: str, rest: str, lexicon: Lexicon) -> str | None:
    """The source with one thing more, or with something to wear."""
    if done in ("give", "dress"):
        for old, new in _cuts(rest):
            if _whole(old) or _thing(reading, old) is not None:
                return _dressed(reading, old, re.sub(r"^(?:in|with)\s+", "", new))
        return None
    if done in ("set", "move", "put", "place"):
        for old, new in _cuts(rest):
            there = re.sub(r"^(?:to|onto|into)\s+", "", new)
            goes = there != new or _PREPOSITION.match(new)
            if goes and (_whole(old) or _thing(reading, old) is not None):
                return _placed(reading, there)
    what, _, where = _halves(rest, r"\s+(?:to|on|onto|in|into|next to|beside|near|behind)\s+")
    nouns = [word.folded for word in words(what) if word.folded not in ARTICLES]
    if not nouns or not reading.things:
        return f"{what} {_ground_text(reading)}" if nouns and reading.place else None
    if nouns[-1] in _WORN and nouns[-1] not in lexicon.objects:
        return _dressed(reading, where or "it", what)
    if not where or _whole(where) or _is_ground(reading, where) or _thing(reading, where) is not None:
        things = f"{_listed(reading, reading.things)} and {_counted(what)}"
        return _framed(reading, things, _ground_text(reading))
    return None


def _dressed(reading: Reading, old: str, worn: str) -> str | None:
    at = 0 if _whole(old) or not old else _thing(reading, old)
    if at is None or not reading.things:
        return None
    stop = _phrase_end(reading, reading.things[at])
    return _spliced(reading, stop, stop, f"with {worn}")


def _coloured(reading: Reading, thing: Thing, colour: str, lexicon: Lexicon) -> str:
    """The source with a thing of another colour, or with one more property."""
    told = [
        index for index in range(thing.start, thing.head) if lexicon.is_colour(reading.there[index].folded)
    ]
    start, stop = (told[0], told[-1] + 1) if told else (thing.head, thing.head)
    return _articled(_spliced(reading, start, stop, colour))


def _placed(reading: Reading, new: str) -> str | None:
    """The source with its things in another place."""
    given = _PREPOSITION.match(new)
    there = new if given else f"{_preposition(reading, new)} {new}"
    if not reading.things:
        return _framed(reading, "", new)
    return _framed(reading, _listed(reading, reading.things), there)


def _styled(reading: Reading, new: str, content: Sequence[str]) -> str:
    """The source painted in another way."""
    frame = re.sub(r"^(?:look like |like |in |as )", "", new.strip())
    frame = re.sub(r"\s+style$", "", frame)
    if words(frame)[0].folded not in ARTICLES and content[-1] not in ("art", "style"):
        frame = f"{_article(content[0])} {frame}"
    if content[-1] in ("style",):
        frame = f"{_article(content[0])} {frame.removeprefix('a ').removeprefix('an ')} picture"
    return f"{frame} of {_cut(reading, *reading.body)}"


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """The text before and after each of its first words, as many as the phrase of a thing may have."""
    for word in words(text)[:-1][:_LONGEST_PHRASE]:
        yield text[: word.stop], text[word.stop :].strip()


def _halves(text: str, joint: str) -> tuple[str, str, str]:
    """The text before and after the first of these joints."""
    found = re.search(joint, text, re.IGNORECASE)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _whole(text: str) -> bool:
    """Whether this means the picture as a whole, or its one thing."""
    told = [word.folded for word in words(text)]
    named = [word for word in told if word not in ARTICLES]
    return bool(named) and told[-1] not in ARTICLES and all(word in _ALL for word in named)


def _thing(reading: Reading, text: str) -> int | None:
    """The index of the thing of the source that a phrase means."""
    every = [word.folded for word in words(text)]
    told = [word for word in every if word not in ARTICLES]
    if not told or every[-1] in ARTICLES:
        return None
    named = [at for at, thing in enumerate(reading.things) if same_noun(thing.noun, told[-1])]
    marked = [at for at in named if set(told[:-1]) <= {*reading.things[at].marks, reading.things[at].number}]
    return next(iter(marked), None)


def _is_ground(reading: Reading, text: str) -> bool:
    told = [word.folded for word in words(text) if word.folded not in ARTICLES]
    return bool(told) and (
        told[-1] in _GROUND or any(same_noun(told[-1], phrase.noun) for phrase in reading.place)
    )


def _names_ground(new: str, content: Sequence[str], lexicon: Lexicon) -> bool:
    if _PREPOSITION.match(new) and not any(map(lexicon.is_style, content)):
        return True
    named = any(set(name.split()) <= set(content) for name in lexicon.backgrounds)
    return named and not any(word in lexicon.objects for word in content)


def _preposition(reading: Reading, new: str) -> str:
    if words(new)[-1].folded in ("sky", "air", "space", "night", "dark", "forest", "desert", "city", "rain"):
        return "at" if words(new)[-1].folded == "night" and len(words(new)) == 1 else "in"
    if reading.placed is None:
        return "on"
    return reading.text(reading.placed)


def _ground_text(reading: Reading) -> str:
    """The source's phrase of place, with its preposition."""
    if not reading.place or reading.placed is None:
        return ""
    return reading.prompt[
        reading.there[reading.placed].start : reading.there[reading.place[-1].stop - 1].stop
    ]


def _bare_ground(reading: Reading) -> str:
    """The source's background without the preposition."""
    return _cut(reading, reading.place[0].start, reading.place[-1].stop)


def _listed(reading: Reading, things: Sequence[Thing]) -> str:
    return " and ".join(_cut(reading, thing.start, thing.stop) for thing in things)


def _cut(reading: Reading, start: int, stop: int) -> str:
    """The words [start, stop) of the source, as they are written."""
    return reading.prompt[reading.there[start].start : reading.there[stop - 1].stop]


def _framed(reading: Reading, things: str, ground: str) -> str:
    """Things on a ground, in the frame of the source's style."""
    start, stop = reading.body
    before = reading.prompt[: reading.there[start].start] if start < len(reading.there) else ""
    after = reading.prompt[reading.there[stop - 1].stop :]
    return f"{before}{' '.join(part for part in (things, ground) if part)}{after}"


def _spliced(reading: Reading, start: int, stop: int, text: str) -> str:
    """The source with the words [start, stop) replaced."""
    prompt, there = reading.prompt, reading.there
    before = prompt[: there[start].start] if start < len(there) else f"{prompt} "
    after = prompt[there[stop - 1].stop :] if stop > start else prompt[len(before) :]
    if stop == start:
        before, after = before.rstrip(), f" {after}" if after else ""
        return f"{before} {text}{after}".strip()
    return re.sub(r"\s{2,}", " ", f"{before}{text}{after}").strip()


def _phrase_end(reading: Reading, thing: Thing) -> int:
    """Where a thing's phrase ends, without what it wears."""
    return thing.worn[0].start if thing.worn else thing.stop


def _counted(what: str) -> str:
    first = words(what)[0].folded
    return what if first in ARTICLES or first in NUMBERS else f"{_article(first)} {what}"


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _articled(text: str) -> str:
    """The text with "a" and "an" as the words after them want it."""

    def fitting(found: re.Match[str]) -> str:
        article = _article(found[2].casefold())
        return f"{article.capitalize() if found[1][0].isupper() else article} {found[2]}"

    return re.sub(r"\b([Aa]n?) (\w)", fitting, text)
