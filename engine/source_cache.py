"""A cache of what edits of the same source need again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from engine.attention import Branch, Sites, coarsened
from engine.backbones import Backbone
from engine.errors import InvalidParameter
from engine.guidance import Guidance

PICTURE: Final = "picture"
"""The last part of the key of a source's decoded picture."""


class SourceCache:
    """A cache of a source's features, path and picture, in at most `max_bytes` of the model's device.

    Edits read their source step by step from the first to the last, and a list that drops what was used
    longest ago would then drop each step just before it is read again. So what is there stays, and what
    neither this edit nor the one before has used makes room. Of what is in use, the largest makes room for
    something smaller, since an entry saves one call whatever its size; else what does not fit is not kept.
    It never changes a result: what is missing is made anew, to the bit. Keys are tuples that begin with the
    key of the record.

    Raises:
        InvalidParameter: `max_bytes` is no number of bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 0:
            raise InvalidParameter("max_bytes", max_bytes, "a number of bytes")
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._edit = 0

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return sum(entry.nbytes for entry in self._kept.values())

    def begin(self) -> None:
        """Another edit begins, or an inversion that leaves what edits take."""
        self._edit += 1

    def get(self, key: Hashable) -> Any:
        """The value of a key, None if it is not there any more."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        self._kept[key] = self._kept[key]._replace(used=self._edit)
        return self._kept[key].value

    def put(self, key: Hashable, value: Any, nbytes: int, *, first: bool = False) -> None:
        """Keep a value of so many bytes if there is room; what comes `first` takes it from all else."""
        before = self._kept.get(key)
        excess = self.nbytes - (before.nbytes if before else 0) + nbytes - self.max_bytes
        given_up: list[Hashable] = []
        for other, entry in [*self._kept.items()] if first else self._unused():
            if excess <= 0:
                break
            if other != key:
                given_up.append(other)
                excess -= entry.nbytes
        if excess > 0:
            larger = {
                other: entry.nbytes
                for other, entry in self._kept.items()
                if other not in (key, *given_up)
                and not entry.first
                and entry.nbytes > nbytes
                and entry.nbytes >= excess
            }
            if not larger:
                return
            given_up.append(max(larger, key=lambda other: larger[other]))
        for other in given_up:
            del self._kept[other]
        self._kept[key] = _Entry(value, nbytes, self._edit, first)
        self._kept.move_to_end(key)

    def shows(self, record: str) -> bool:
        """Whether the picture that a record's source comes out as is there, at some guidance."""
        return any(isinstance(key, tuple) and (key[0], key[-1]) == (record, PICTURE) for key in self._kept)

    def forget(self, record: str) -> None:
        """Forget all that was kept of the record of this key."""
        for key in [key for key in self._kept if isinstance(key, tuple) and key[:1] == (record,)]:
            del self._kept[key]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _unused(self) -> list[tuple[Hashable, _Entry]]:
        return [(key, entry) for key, entry in self._kept.items() if entry.used < self._edit - 1]


class _Entry(NamedTuple):
    value: Any
    nbytes: int
    used: int
    """The edit that used it last."""
    first: bool
    """Whether it comes before all else."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The entries of a cache for one denoising run of a record's source.

    `guidance` is that of a source that is sampled; one on its path is where it is at any guidance. `noise` is
    the seed of one that is noised instead.
    """

    cache: SourceCache
    record: str
    device: torch.device
    guidance: Guidance | None = None
    noise: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The prefix of its keys in the cache."""
        return (self.record, str(self.device), self.guidance, self.noise)

    def features(self, index: int, branch: Branch) -> Mapping[str, Tensor]:
        """The kept features of a branch in step `index`, by site; none if they are not there any more."""
        return self.cache.get(self._at(index, branch)) or {}

    def keep(self, index: int, branch: Branch, hidden: Mapping[str, Tensor]) -> None:
        """Keep what a branch looks like in step `index`, by site."""
        if hidden:
            nbytes = sum(tensor.nbytes for tensor in hidden.values())
            self.cache.put(self._at(index, branch), hidden, nbytes)

    def _at(self, index: int, branch: Branch) -> Hashable:
        """The cache's key; what a branch of this name reads may be another prompt, or what was learned."""
        return (*self.key, index, branch.name, branch.conditioning.keys)


def features_need(model: Backbone, steps: int = 50) -> int:
    """Bytes that an edit takes from a source of the model's size, in Prompt-to-Prompt's widest windows."""
    side = model.spec.size // model.vae_factor
    coarse = Sites(kind="self", factor=model.spec.self_factor)
    taken = [site for site in model.sites if site.kind == "cross" or site in coarse]
    elements = sum(
        prod(coarsened(side, side, site.factor)) * int(model.modules[site].to_q.in_features) for site in taken
    )
    return steps * elements * torch.finfo(model.dtype).bits // 8
