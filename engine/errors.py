"""Everything the engine refuses, and why.

PentimentoError
├── InvalidImage            the picture cannot be edited
├── UnknownWord             a word is in none of the prompts it may be in
├── PromptsDoNotAlign       source and target prompt cannot be paired as asked
├── PromptTooLong           more tokens than the model reads
├── InvalidParameter        a value outside its range
├── UnknownMethod           no such inverter or edit method
├── UnknownModel            no such model, or not one that this engine runs
├── RecordMismatch          the record was made by another model, or for another guidance scale
├── RecordCorrupt           the record's bytes are not those that were written
├── NumericalError          latents became NaN or infinite
└── OutOfMemory             the device has no room left
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeGuard

import torch


class PentimentoError(Exception):
    """The root; `code` is stable, the attributes say what a caller needs in order to answer."""

    code: ClassVar[str] = "internal_error"

    @property
    def detail(self) -> dict[str, Any]:
        """The attributes of this error, ready for JSON."""
        return dict(vars(self))


class InvalidImage(PentimentoError):
    """The picture cannot be edited; `reason` says why."""

    code = "invalid_image"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


class PromptTooLong(PentimentoError):
    """The prompt has `tokens` tokens, begin and end included; the model reads `limit`."""

    code = "prompt_too_long"

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(tokens, limit)
        self.tokens = tokens
        self.limit = limit

    def __str__(self) -> str:
        return f"the prompt has {self.tokens} tokens with its begin and end; the model reads {self.limit}"


class InvalidParameter(PentimentoError):
    """The parameter `name` cannot be `value`; `expected` says what it can be."""

    code = "invalid_parameter"

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(name, value, expected)
        self.name = name
        plain = value is None or isinstance(value, str | bool) or is_number(value)
        self.value = value if plain else repr(value)
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.name} is {self.value!r}, expected {self.expected}"


class UnknownMethod(PentimentoError):
    """There is no method `name`; `known` are those there are."""

    code = "unknown_method"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = list(known)

    def __str__(self) -> str:
        return f"there is no method {self.name!r}, only {', '.join(self.known)}"


class UnknownModel(PentimentoError):
    """The model `name` cannot be loaded; `reason` says why."""

    code = "unknown_model"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot load the model {self.name!r}: {self.reason}"


class RecordMismatch(PentimentoError):
    """The record's `name` is `recorded`, but `present` is at hand; `remedy` says what to do."""

    code = "record_mismatch"

    def __init__(
        self, name: str, recorded: str, present: str, remedy: str = "invert the image again"
    ) -> None:
        super().__init__(name, recorded, present, remedy)
        self.name = name
        self.recorded = recorded
        self.present = present
        self.remedy = remedy

    def __str__(self) -> str:
        return (
            f"the record was made with {self.name} {self.recorded}, here it is {self.present}: {self.remedy}"
        )


class RecordCorrupt(PentimentoError):
    """The record's bytes are not those that were written; `reason` says how that was noticed."""

    code = "record_corrupt"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NumericalError(PentimentoError):
    """The latents became NaN or infinite in `step` (counted from 0) of `phase`."""

    code = "numerical_error"

    def __init__(self, phase: str, step: int) -> None:
        super().__init__(phase, step)
        self.phase = phase
        self.step = step

    def __str__(self) -> str:
        return f"the latents became NaN or infinite in step {self.step} of {self.phase}"


class OutOfMemory(PentimentoError):
    """The device has no room for this picture and these prompts."""

    code = "out_of_memory"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_number(value: object) -> TypeGuard[float]:
    """Whether this is a real number that a float can hold; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def check_finite(latents: torch.Tensor, phase: str, step: int) -> torch.Tensor:
    """Return the latents, or raise `NumericalError` if one of them is NaN or infinite."""
    if not torch.isfinite(latents).all():
        raise NumericalError(phase, step)
    return latents


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the framework's out-of-memory error into `OutOfMemory`."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise OutOfMemory(str(error)) from error
        raise
