"""Types of parameters that several methods share: windows of a run, words, and values by word."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Discriminator, Field, Tag
from pydantic.functional_validators import AfterValidator

import prompts

Value = TypeVar("Value")
ByWord = TypeVar("ByWord", bound=Mapping[str, Any])

DEFAULT = "default"
CHANGED = "changed"
WINDOW = "a fraction from 0 to 1, or [start, stop] with 0 <= start <= stop <= 1"


def _forward(window: Value) -> Value:
    """The window, or the windows by word, unless one of them runs backwards."""
    for part in window.values() if isinstance(window, dict) else [window]:
        if isinstance(part, tuple) and part[0] > part[1]:
            raise ValueError(f"a span that runs from the smaller to the larger fraction, not {list(part)}")
    return window


def _each_once(by_word: ByWord) -> ByWord:
    """The mapping, unless two of its keys are one word in two spellings."""
    seen: dict[tuple[str, ...], str] = {}
    for word in by_word:
        folded = tuple(part.folded for part in prompts.words(word))
        if folded and word != DEFAULT and seen.setdefault(folded, word) != word:
            raise ValueError(f"one value for '{seen[folded]}' and '{word}', which are the same word")
    return by_word


def _form(value: Any) -> str:
    """The form in which a value is given, so that an error speaks of that form alone."""
    if isinstance(value, dict):
        return "by_word"
    return "span" if isinstance(value, list | tuple) else "name" if isinstance(value, str) else "number"


def _words_form(value: Any) -> str:
    return CHANGED if isinstance(value, str) else "words"


Fraction = Annotated[float, Field(ge=0, le=1)]
Start = Annotated[float, Field(ge=0, lt=1)]
"""A fraction of the run from which on something happens; what begins at 1 would never happen."""
PromptText = Annotated[str, Field(min_length=1, max_length=2000)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Field(max_length=32)]

_Number = Annotated[Fraction, Tag("number")]
_Span = Annotated[
    tuple[Fraction, Fraction], Field(description="From and up to, as fractions of the run."), Tag("span")
]
_Either = Discriminator(
    _form, custom_error_type="window", custom_error_message="Input should be a fraction or a [start, stop]"
)
_Windows = Annotated[
    dict[Word, Annotated[_Number | _Span, _Either]],
    Field(max_length=33),
    AfterValidator(_each_once),
    Tag("by_word"),
]

Window = Annotated[_Number | _Span, _Either, AfterValidator(_forward)]
Windows = Annotated[_Number | _Span | _Windows, _Either, AfterValidator(_forward)]
WindowOrCross = Annotated[
    _Number | _Span | Annotated[Literal["tau_c"], Tag("name")], _Either, AfterValidator(_forward)
]
WordsOrChanged = Annotated[
    Annotated[Words, Tag("words")] | Annotated[Literal["changed"], Tag(CHANGED)], Discriminator(_words_form)
]
Weights = Annotated[
    dict[Word, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=32), AfterValidator(_each_once)
]
GuidanceScale = Annotated[float, Field(ge=0, le=50)]
TAGS = frozenset({"number", "span", "by_word", "name", "words", CHANGED})
