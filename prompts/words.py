"""Words as a person means them: whatever their case, punctuation, accents or script."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

_APOSTROPHES = "'’ʼ"
_HYPHENS = "-‐‑"
_JOINERS = f"{_APOSTROPHES}{_HYPHENS}·"
_FOLDS = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-"))
_SELECTORS = dict.fromkeys([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
_ZERO_WIDTH_JOINER = "\u200d"
_POSSESSIVE = "'s"
_PARTICLES = (
    *("은", "는", "이", "가", "을", "를", "의", "에", "에서", "에게", "와", "과", "도", "로", "으로", "만"),
    *("랑", "이랑", "하고", "처럼", "보다", "부터", "까지"),
)


class UnknownWord(ValueError):
    """A word was asked for that the prompt does not hold; `words` are the ones it does hold."""

    def __init__(self, word: str, words: tuple[str, ...]) -> None:
        super().__init__(word, words)
        self.word = word
        self.words = words

    def __str__(self) -> str:
        return f"{self.word!r} is not in the prompt; its words are {', '.join(self.words) or 'none'}"


@dataclass(frozen=True)
class Word:
    """One word: its text as written, and the half-open span [start, stop) of characters it covers."""

    text: str
    start: int
    stop: int

    @cached_property
    def folded(self) -> str:
        """The form in which words are compared: no case, no compatibility forms, one apostrophe and hyphen.

        That is NFKC before and after folding the case, since either can bring up what the other changes (the
        Unicode Standard, section 3.13: compatibility caseless match), and without variation selectors, which
        only choose between pictures.
        """
        plain = unicodedata.normalize("NFKC", self.text.translate(_SELECTORS)).casefold()
        return unicodedata.normalize("NFKC", plain).translate(_FOLDS)


def words(prompt: str) -> tuple[Word, ...]:
    """The words of a prompt in order, without punctuation.

    Apostrophes and hyphens inside a word belong to it. Scripts written without spaces (Chinese characters,
    kana) and emoji give one word per character, so that a phrase finds them.
    """
    found: list[Word] = []
    start = 0
    while start < len(prompt):
        stop = _end_of_word(prompt, start)
        if stop > start:
            found.append(Word(prompt[start:stop], start, stop))
        start = max(stop, start + 1)
    return tuple(found)


def find(prompt: str, word: str) -> tuple[int, ...]:
    """Indices into `words(prompt)` of every occurrence of a word, or of a phrase of several words.

    A word is also found under a possessive or a Korean particle, if it does not stand there bare.

    Raises:
        UnknownWord: it does not occur.
    """
    there = words(prompt)
    sought = [part.folded for part in words(word)]
    for forms in ([{part.folded} for part in there], [_forms(part.folded) for part in there]):
        starts = [
            start
            for start in range(len(there) - len(sought) + 1)
            if all(part in form for part, form in zip(sought, forms[start:], strict=False))
        ]
        if sought and starts:
            return tuple(sorted({start + step for start in starts for step in range(len(sought))}))
    raise UnknownWord(word, tuple(part.text for part in there))


def _end_of_word(prompt: str, start: int) -> int:
    if not _is_letter(prompt[start]):
        return start
    stop = start + 1
    while stop < len(prompt):
        if unicodedata.category(prompt[stop])[0] == "M":
            stop += 1
        elif prompt[stop] == _ZERO_WIDTH_JOINER and _is_letter(prompt[stop + 1 : stop + 2]):
            stop += 2
        elif _stands_alone(prompt[start]) or _stands_alone(prompt[stop]):
            break
        elif _is_letter(prompt[stop]):
            stop += 1
        elif prompt[stop] in _JOINERS and _is_letter(prompt[stop + 1 : stop + 2]):
            stop += 2
        else:
            break
    return stop


def _is_letter(char: str) -> bool:
    return char.isalnum() or char in ("_", "&") or _is_emoji(char)


def _is_emoji(char: str) -> bool:
    return char != "" and unicodedata.category(char) == "So"


def _stands_alone(char: str) -> bool:
    unspaced = "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
    return unspaced or _is_emoji(char)


def _forms(folded: str) -> set[str]:
    endings = [_POSSESSIVE, *(_PARTICLES if "가" <= folded[-1] <= "힣" else ())]
    return {folded, *(folded.removesuffix(ending) for ending in endings)} - {""}
