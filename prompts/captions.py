"""Captions put together from parts of a source prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompts.lexicon import ARTICLES, NUMBERS
from prompts.reading import Reading, Thing
from prompts.words import words


def preposition(reading: Reading, new: str) -> str:
    """The preposition that puts the source's things on a new background."""
    if words(new)[-1].folded in ("sky", "air", "space", "night", "dark", "forest", "desert", "city", "rain"):
        return "at" if words(new)[-1].folded == "night" and len(words(new)) == 1 else "in"
    if reading.placed is None:
        return "on"
    return reading.text(reading.placed)


def ground_text(reading: Reading) -> str:
    """The source's phrase of place, with its preposition."""
    if not reading.place or reading.placed is None:
        return ""
    return reading.prompt[
        reading.there[reading.placed].start : reading.there[reading.place[-1].stop - 1].stop
    ]


def bare_ground(reading: Reading) -> str:
    """The source's background without the preposition."""
    return cut(reading, reading.place[0].start, reading.place[-1].stop)


def listed(reading: Reading, things: Sequence[Thing]) -> str:
    """Some of the source's things, joined by "and"."""
    return " and ".join(cut(reading, thing.start, thing.stop) for thing in things)


def cut(reading: Reading, start: int, stop: int) -> str:
    """The words [start, stop) of the source, as they are written."""
    return reading.prompt[reading.there[start].start : reading.there[stop - 1].stop]


def framed(reading: Reading, things: str, ground: str) -> str:
    """Things on a ground, in the frame of the source's style."""
    start, stop = reading.body
    before = reading.prompt[: reading.there[start].start] if start < len(reading.there) else ""
    after = reading.prompt[reading.there[stop - 1].stop :]
    return f"{before}{' '.join(part for part in (things, ground) if part)}{after}"


def spliced(reading: Reading, start: int, stop: int, text: str) -> str:
    """The source with the words [start, stop) replaced."""
    prompt, there = reading.prompt, reading.there
    before = prompt[: there[start].start] if start < len(there) else f"{prompt} "
    after = prompt[there[stop - 1].stop :] if stop > start else prompt[len(before) :]
    if stop == start:
        before, after = before.rstrip(), f" {after}" if after else ""
        return f"{before} {text}{after}".strip()
    return re.sub(r"\s{2,}", " ", f"{before}{text}{after}").strip()


def phrase_end(reading: Reading, thing: Thing) -> int:
    """The index behind a thing's phrase, without what it wears."""
    return thing.worn[0].start if thing.worn else thing.stop


def counted(what: str) -> str:
    """A noun phrase with an article, unless it has one or a number."""
    first = words(what)[0].folded
    return what if first in ARTICLES or first in NUMBERS else f"{article_of(first)} {what}"


def article_of(word: str) -> str:
    """The indefinite article before a word."""
    return "an" if word[:1] in "aeiou" else "a"


def with_articles(text: str) -> str:
    """The text with "a" and "an" as the words after them want it."""

    def fitting(found: re.Match[str]) -> str:
        article = article_of(found[2].casefold())
        return f"{article.capitalize() if found[1][0].isupper() else article} {found[2]}"

    return re.sub(r"\b([Aa]n?) (\w)", fitting, text)
