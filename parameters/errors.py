"""Errors about parameters and prompts, and the root of the engine's errors.

PentimentoError
├── UnknownWord             a word is in none of the prompts it may be in
├── PromptsDoNotAlign       source and target prompt cannot be paired as asked
├── InvalidParameter        a value outside its range
├── EmptyMask               a mask that lets nothing change
├── UnknownMethod           no such inversion or edit method
├── Incompatible            an edit method that needs what an inversion does not give
├── UnsupportedByModel      a method that needs what the model does not have
└── BrokenPlugin            an installed package that adds methods cannot be used
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, ClassVar, TypeGuard


class PentimentoError(Exception):
    """The root; `code` is stable, the attributes say what a caller needs in order to answer."""

    code: ClassVar[str] = "internal_error"

    @property
    def detail(self) -> dict[str, Any]:
        """The attributes of this error, ready for JSON."""
        return dict(vars(self))


class UnknownWord(PentimentoError):
    """`word` is in none of the prompts it may be in; `words` are the words there are."""

    code = "unknown_word"

    def __init__(self, word: str, words: Iterable[str]) -> None:
        super().__init__(word, words)
        self.word = word
        self.words = list(words)

    def __str__(self) -> str:
        return f"{self.word!r} is in none of the prompts, whose words are {', '.join(self.words) or 'none'}"


class PromptsDoNotAlign(PentimentoError):
    """`source` and `target` cannot be paired; `reason` says why and what to do instead."""

    code = "prompts_do_not_align"

    def __init__(self, source: str, target: str, reason: str) -> None:
        super().__init__(source, target, reason)
        self.source = source
        self.target = target
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.source!r} and {self.target!r} do not align: {self.reason}"


class InvalidParameter(PentimentoError):
    """The parameter `name` cannot be `value`; `expected` says what it can be.

    `words` are the words that it could name, where it is about words.
    """

    code = "invalid_parameter"

    def __init__(self, name: str, value: object, expected: str, words: Iterable[str] | None = None) -> None:
        super().__init__(name, value, expected)
        self.name = name
        plain = value is None or isinstance(value, str | bool) or is_number(value)
        self.value = value if plain else repr(value)
        self.expected = expected
        if words is not None:
            self.words = list(words)

    def __str__(self) -> str:
        return f"{self.name} is {self.value!r}, expected {self.expected}"


class EmptyMask(PentimentoError):
    """The mask of an edit lets nothing change; `reason` says why and what to do instead."""

    code = "empty_mask"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the mask lets nothing change: {self.reason}"


class UnknownMethod(PentimentoError):
    """There is no method `name`; `known` are those there are."""

    code = "unknown_method"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = list(known)

    def __str__(self) -> str:
        return f"there is no method {self.name!r}, only {', '.join(self.known)}"


class Incompatible(PentimentoError):
    """The edit method `method` needs what the inversion `inversion` does not give: `missing`.

    `suitable` are the inversions that give it.
    """

    code = "incompatible_inversion"

    def __init__(
        self, method: str, inversion: str, missing: Iterable[str], suitable: Iterable[str] = ()
    ) -> None:
        super().__init__(method, inversion, missing, suitable)
        self.method = method
        self.inversion = inversion
        self.missing = sorted(missing)
        self.suitable = list(suitable)

    def __str__(self) -> str:
        return (
            f"{self.method} needs {', '.join(self.missing)} of an inversion, which {self.inversion} does not "
            f"give; invert the image by {' or '.join(self.suitable) or 'another method'}"
        )


class UnsupportedByModel(PentimentoError):
    """`what` the `parameter` of a request asks for cannot be had from the model `name`; `reason` says why.

    `instead` says what would do.
    """

    code = "unsupported_by_model"

    def __init__(self, parameter: str, what: str, name: str, reason: str, instead: str) -> None:
        super().__init__(parameter, what, name, reason, instead)
        self.parameter = parameter
        self.what = what
        self.name = name
        self.reason = reason
        self.instead = instead

    def __str__(self) -> str:
        return f"{self.what} cannot be had from the model {self.name!r}: {self.reason}; {self.instead}"


class BrokenPlugin(PentimentoError):
    """The installed package `distribution`, which adds methods, cannot be used; `reason` says why."""

    code = "broken_plugin"

    def __init__(self, distribution: str, reason: str) -> None:
        super().__init__(distribution, reason)
        self.distribution = distribution
        self.reason = reason

    def __str__(self) -> str:
        return f"the package {self.distribution} cannot be used: {self.reason}"


def is_number(value: object) -> TypeGuard[float]:
    """Whether this is a real number that a float can hold; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
