"""Conditionings: encoded prompts, as a denoiser reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """Encoded prompts, a row for each; only the backbone that encoded them looks inside.

    `context` (rows, tokens, width) is the text that attention reads; `vectors` (rows, ...) are what else a
    family reads, by name: a pooled embedding, time ids. `keys`, one for each row, identify the
    contents of rows in caches.
    """

    keys: tuple[str, ...]
    context: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.context)

    @classmethod
    def cat(cls, parts: Sequence[Conditioning]) -> Conditioning:
        """The rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            keys=tuple(key for part in parts for key in part.keys),
            context=torch.cat([part.context for part in parts]),
            vectors={name: torch.cat([part.vectors[name] for part in parts]) for name in parts[0].vectors},
        )

    def rows(self, indices: Sequence[int]) -> Conditioning:
        """These rows, in this order; a row may be taken several times."""
        at = list(indices)
        return Conditioning(
            keys=tuple(self.keys[index] for index in at),
            context=self.context[at],
            vectors={name: vector[at] for name, vector in self.vectors.items()},
        )

    def mix(self, other: Conditioning, eta: float) -> Conditioning:
        """eta of this and 1 - eta of another, row by row."""
        return Conditioning(
            keys=tuple(f"{eta}*{one}+{two}" for one, two in zip(self.keys, other.keys, strict=True)),
            context=torch.lerp(other.context, self.context, eta),
            vectors={
                name: torch.lerp(other.vectors[name], vector, eta) for name, vector in self.vectors.items()
            },
        )

    def with_context(self, context: Tensor, key: str) -> Conditioning:
        """The same with another text for attention (rows, tokens, width), or (1, tokens, width) for all."""
        expanded = context.to(self.context.dtype).expand(len(self), -1, -1)
        return replace(self, context=expanded, keys=(key,) * len(self))


class Reader(Protocol):
    """A backbone, as far as it reads prompts."""

    def read(self, prompt: str, size: tuple[int, int]) -> Conditioning: ...


class Reading(Mapping[str, Conditioning]):
    """Prompts by branch, each read when its conditioning is first asked for."""

    def __init__(self, reader: Reader, size: tuple[int, int], prompts: Mapping[str, str]) -> None:
        self._reader, self._size, self._prompts = reader, size, prompts
        self._read: dict[str, Conditioning] = {}

    def __getitem__(self, name: str) -> Conditioning:
        if name not in self._read:
            self._read[name] = self._reader.read(self._prompts[name], self._size)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prompts)

    def __len__(self) -> int:
        return len(self._prompts)
