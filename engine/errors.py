"""Everything the engine refuses, and why.

PentimentoError
├── InvalidImage            the picture cannot be edited
├── UnknownWord             a word is in none of the prompts it may be in
├── PromptsDoNotAlign       source and target prompt cannot be paired as asked
├── PromptTooLong           more tokens than the model reads
├── InvalidParameter        a value outside its range
├── EmptyMask               a mask that lets nothing change
├── UnknownMethod           no such inverter or edit method
├── Incompatible            an edit method that needs what the record's inversion does not give
├── BrokenPlugin            an installed package that adds a method cannot be used
├── UnsupportedByModel      a method that needs what the model does not have
├── UnknownModel            no such model, or not one that this engine runs
├── RecordMismatch          the record was made by another model, or for another guidance scale
├── RecordCorrupt           the record's bytes are not those that were written
├── NumericalError          latents became NaN or infinite
└── OutOfMemory             the device has no room left
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from parameters.errors import (
    BrokenPlugin,
    EmptyMask,
    Incompatible,
    InvalidParameter,
    PentimentoError,
    PromptsDoNotAlign,
    UnknownMethod,
    UnknownWord,
    UnsupportedByModel,
    is_number,
)

__all__ = [
    "BrokenPlugin",
    "EmptyMask",
    "Incompatible",
    "InvalidImage",
    "InvalidParameter",
    "NumericalError",
    "OutOfMemory",
    "PentimentoError",
    "PromptTooLong",
    "PromptsDoNotAlign",
    "RecordCorrupt",
    "RecordMismatch",
    "UnknownMethod",
    "UnknownModel",
    "UnknownWord",
    "UnsupportedByModel",
    "check_finite",
    "is_number",
    "memory_errors",
    "out_of_memory",
]


class InvalidImage(PentimentoError):
    """The picture cannot be edited; `reason` says why."""

    code = "invalid_image"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PromptTooLong(PentimentoError):
    """The prompt has `tokens` tokens, begin and end included; the model reads `limit`."""

    code = "prompt_too_long"

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(tokens, limit)
        self.tokens = tokens
        self.limit = limit

    def __str__(self) -> str:
        return f"the prompt has {self.tokens} tokens with its begin and end; the model reads {self.limit}"


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


def check_finite(latents: torch.Tensor, phase: str, step: int) -> torch.Tensor:
    """Return the latents, or raise `NumericalError` if a value of them is NaN or infinite."""
    if not torch.isfinite(latents).all():
        raise NumericalError(phase, step)
    return latents


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the framework's out-of-memory error into `OutOfMemory`."""
    try:
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise OutOfMemory(str(error)) from error
        raise


def out_of_memory(error: BaseException) -> bool:
    """Whether an error is the framework's of running out of memory."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
