"""Instructions such as "make the cat a fox", turned into what the picture is to show, by rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prompts.captions import (
    article_of,
    bare_ground,
    counted,
    cut,
    framed,
    ground_text,
    listed,
    phrase_end,
    preposition,
    spliced,
    with_articles,
)
from prompts.lexicon import ARTICLES, GRAMMAR, NUMBERS, Lexicon, each_of
from prompts.reading import Reading, Thing, read, same_noun
from prompts.referring import PREPOSITION, means_ground, means_whole, names_ground, thing_meant
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
_WORN = each_of(
    """hat cap crown helmet glasses sunglasses scarf tie bow beard moustache mustache mask collar
    ribbon necklace shirt coat jacket"""
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
    order = _PLEASE.sub("", target).strip().rstrip(".!")
    verb = _VERB.match(order)
    if verb is None or _VERB.match(source.strip()):
        return None
    rest, reading = order[verb.end() :].strip(), read(source, lexicon)
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
    return framed(reading, "", bare_ground(reading)) if reading.place else None


def _made(reading: Reading, rest: str, lexicon: Lexicon) -> str | None:
    """After "make", "turn" and their like: what, and into what."""
    old, joint, new = _halves(f" {rest}", r"\s+(?:into|to|(?:look )?like|wear|become|be)\s+")
    if new:
        if joint.strip() == "wear":
            return _dressed(reading, old, new)
        what = re.sub(r"^\s*(?:the )?colou?r of\s+", "", old, flags=re.IGNORECASE)
        return _turned(reading, what.strip() or "it", new, lexicon)
    for old, new in _cuts(rest):
        if means_whole(old) or thing_meant(reading, old) is not None or means_ground(reading, old):
            return _turned(reading, old, new, lexicon)
    return None


def _turned(reading: Reading, old: str, new: str, lexicon: Lexicon) -> str | None:
    """The source with one of its parts turned into something else."""
    folded = [word.folded for word in words(new)]
    content = [word for word in folded if word not in ARTICLES]
    if not content:
        return None
    whole, at = means_whole(old), thing_meant(reading, old)
    if means_ground(reading, old) or (whole and names_ground(new, content, lexicon)):
        return _placed(reading, new)
    if whole and any(map(lexicon.is_style, content)) and not any(word in lexicon.objects for word in content):
        return _styled(reading, new, content)
    if not reading.things or (at is None and not whole):
        return None
    thing = reading.things[at or 0]
    bare = folded[0] not in ARTICLES and folded[0] not in NUMBERS
    if all(map(lexicon.is_colour, content)) or (
        bare and len(content) == 1 and content[0] not in lexicon.objects
    ):
        return _coloured(reading, thing, new if bare else " ".join(content), lexicon)
    article = f"{article_of(content[0])} " if bare else ""
    return spliced(reading, thing.start, phrase_end(reading, thing), f"{article}{new}")


def _removed(reading: Reading, rest: str, lexicon: Lexicon) -> str | None:
    """The source without a thing, or without what it wears."""
    what = _halves(rest, r"\s+(?:from|off|of|in)\s+")[0]
    nouns = [word.folded for word in words(what) if word.folded not in ARTICLES]
    if not nouns:
        return None
    for thing in reading.things:
        for worn in thing.worn:
            if same_noun(worn.noun, nouns[-1]):
                return spliced(reading, worn.start, worn.stop, "")
    at = thing_meant(reading, what)
    if at is None:
        return None
    left = [thing for index, thing in enumerate(reading.things) if index != at]
    if left:
        return framed(reading, listed(reading, left), ground_text(reading))
    return ground_alone(reading.prompt, lexicon)


def _added(reading: Reading, done: str, rest: str, lexicon: Lexicon) -> str | None:
    """The source with one thing more, or with something to wear."""
    if done in ("give", "dress"):
        for old, new in _cuts(rest):
            if means_whole(old) or thing_meant(reading, old) is not None:
                return _dressed(reading, old, re.sub(r"^(?:in|with)\s+", "", new))
        return None
    if done in ("set", "move", "put", "place"):
        for old, new in _cuts(rest):
            there = re.sub(r"^(?:to|onto|into)\s+", "", new)
            goes = there != new or PREPOSITION.match(new)
            if goes and (means_whole(old) or thing_meant(reading, old) is not None):
                return _placed(reading, there)
    what, _, where = _halves(rest, r"\s+(?:to|on|onto|in|into|next to|beside|near|behind)\s+")
    nouns = [word.folded for word in words(what) if word.folded not in ARTICLES]
    if not nouns or not reading.things:
        return f"{what} {ground_text(reading)}" if nouns and reading.place else None
    if nouns[-1] in _WORN and nouns[-1] not in lexicon.objects:
        return _dressed(reading, where or "it", what)
    beside = thing_meant(reading, where) is not None
    if not where or beside or means_whole(where) or means_ground(reading, where):
        things = f"{listed(reading, reading.things)} and {counted(what)}"
        return framed(reading, things, ground_text(reading))
    return None


def _dressed(reading: Reading, old: str, worn: str) -> str | None:
    at = 0 if means_whole(old) or not old else thing_meant(reading, old)
    if at is None or not reading.things:
        return None
    stop = phrase_end(reading, reading.things[at])
    return spliced(reading, stop, stop, f"with {worn}")


def _coloured(reading: Reading, thing: Thing, colour: str, lexicon: Lexicon) -> str:
    """The source with a thing of another colour, or with one more property."""
    colours = [
        index for index in range(thing.start, thing.head) if lexicon.is_colour(reading.there[index].folded)
    ]
    start, stop = (colours[0], colours[-1] + 1) if colours else (thing.head, thing.head)
    return with_articles(spliced(reading, start, stop, colour))


def _placed(reading: Reading, new: str) -> str | None:
    """The source with its things in another place."""
    given = PREPOSITION.match(new)
    there = new if given else f"{preposition(reading, new)} {new}"
    if not reading.things:
        return framed(reading, "", new)
    return framed(reading, listed(reading, reading.things), there)


def _styled(reading: Reading, new: str, content: Sequence[str]) -> str:
    """The source painted in another way."""
    frame = re.sub(r"^(?:look like |like |in |as )", "", new.strip())
    frame = re.sub(r"\s+style$", "", frame)
    if words(frame)[0].folded not in ARTICLES and content[-1] not in ("art", "style"):
        frame = f"{article_of(content[0])} {frame}"
    if content[-1] in ("style",):
        frame = f"{article_of(content[0])} {frame.removeprefix('a ').removeprefix('an ')} picture"
    return f"{frame} of {cut(reading, *reading.body)}"


def _cuts(text: str) -> Iterator[tuple[str, str]]:
    """The text before and after each of its first words, as many as the phrase of a thing may have."""
    for word in words(text)[:-1][:_LONGEST_PHRASE]:
        yield text[: word.stop], text[word.stop :].strip()


def _halves(text: str, joint: str) -> tuple[str, str, str]:
    """The text before and after the first of these joints."""
    found = re.search(joint, text, re.IGNORECASE)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")
