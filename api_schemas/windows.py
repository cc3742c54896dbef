"""Windows: parts of a run, in every form in which a request may give them."""

from typing import Annotated, Any, TypeVar

from pydantic import Discriminator, Field, Tag
from pydantic.functional_validators import AfterValidator

Given = TypeVar("Given")


def _forward(window: Given) -> Given:
    """The window, or the windows by word, unless one of them runs backwards."""
    for part in window.values() if isinstance(window, dict) else [window]:
        if isinstance(part, tuple) and part[0] > part[1]:
            raise ValueError(f"a span runs from the smaller to the larger fraction, not {list(part)}")
    return window


def _form(window: Any) -> str:
    """Which form this is, so that an error speaks of that form alone."""
    return "by_word" if isinstance(window, dict) else "span" if isinstance(window, list | tuple) else "number"


Fraction = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, Field(min_length=1, max_length=200)]

_Number = Annotated[Fraction, Tag("number")]
_Span = Annotated[
    tuple[Fraction, Fraction], Field(description="From and up to, as fractions of the run."), Tag("span")
]
_Either = Discriminator(
    _form, custom_error_type="window", custom_error_message="Input should be a fraction or a [start, stop]"
)
_ByWord = Annotated[dict[Word, Annotated[_Number | _Span, _Either]], Field(max_length=33), Tag("by_word")]

Window = Annotated[_Number | _Span, _Either, AfterValidator(_forward)]
Windows = Annotated[_Number | _Span | _ByWord, _Either, AfterValidator(_forward)]
