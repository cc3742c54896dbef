"""A cache of what edits of the same source need again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from engine.attention import Branch, Sites, coarsened
from engine.backbones import Backbone
from engine.errors import InvalidParameter
from engine.guidance import Guidance
from engine.host_memory import HostMemory, PinnedMemory

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

    Features that do not fit the device are kept in at most `host_bytes` of the `host`, by the same rule, and
    copied back each time they are read.

    Raises:
        InvalidParameter: `max_bytes` or `host_bytes` is no number of bytes.
    """

    def __init__(self, max_bytes: int, host_bytes: int = 0, host: HostMemory | None = None) -> None:
        for name, value in (("max_bytes", max_bytes), ("host_bytes", host_bytes)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidParameter(name, value, "a number of bytes")
        self.max_bytes, self.host_bytes = max_bytes, host_bytes
        self._host = host or PinnedMemory()
        self._kept, self._spilled = _Tier(max_bytes), _Tier(host_bytes)
        self._edit = 0

    @property
    def nbytes(self) -> int:
        """Bytes in use on the device."""
        return self._kept.nbytes

    @property
    def host_nbytes(self) -> int:
        """Bytes in use on the host."""
        return self._spilled.nbytes

    def begin(self) -> None:
        """Mark the begin of an edit, or of an inversion that caches features for edits."""
        self._edit += 1

    def get(self, key: Hashable) -> Any:
        """The value of a key, None if it is not there any more."""
        if (entry := self._kept.used(key, self._edit)) is not None:
            return entry.value
        if (entry := self._spilled.used(key, self._edit)) is None:
            return None
        tensors, device = entry.value
        return {name: self._host.give(tensor, device) for name, tensor in tensors.items()}

    def names(self, key: Hashable) -> frozenset[str]:
        """The names of the features under a key, without copying them; none if they are not there."""
        if (entry := self._kept.used(key, self._edit)) is not None:
            return frozenset(entry.value)
        entry = self._spilled.used(key, self._edit)
        return frozenset() if entry is None else frozenset(entry.value[0])

    def put(self, key: Hashable, value: Any, nbytes: int, *, first: bool = False) -> None:
        """Keep a value of so many bytes if there is room; what comes `first` takes it from all else."""
        given_up = self._kept.room(key, nbytes, self._edit, first=first)
        if given_up is None:
            self._spill(key, value, self._edit)
            return
        entries = [(other, self._kept.drop(other)) for other in given_up]
        self._kept.add(key, _Entry(value, nbytes, self._edit, first))
        self._spilled.drop(key)
        for other, entry in entries:
            if entry is not None:
                self._spill(other, entry.value, entry.used)

    def shows(self, record: str) -> bool:
        """Whether the decoded picture of a record's source is there, at some guidance."""
        return any(isinstance(key, tuple) and (key[0], key[-1]) == (record, PICTURE) for key in self._kept)

    def forget(self, record: str) -> None:
        """Forget all that was kept of the record of this key."""
        for tier in (self._kept, self._spilled):
            for key in [key for key in tier if isinstance(key, tuple) and key[:1] == (record,)]:
                tier.drop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._kept, self._spilled = _Tier(self.max_bytes), _Tier(self.host_bytes)

    def _spill(self, key: Hashable, value: Any, used: int) -> None:
        """Keep features on the host, if there is room, in place of those of this key on the device."""
        if not self.host_bytes or not isinstance(value, Mapping):
            return
        nbytes = sum(self._host.nbytes(tensor) for tensor in value.values())
        given_up = self._spilled.room(key, nbytes, self._edit)
        if given_up is None:
            return
        for other in given_up:
            self._spilled.drop(other)
        try:
            tensors = {name: self._host.take(tensor) for name, tensor in value.items()}
        except RuntimeError:  # The system locks no more pages, whatever the budget.
            self._spilled.drop(key)
            return
        device = next(tensor.device for tensor in value.values())
        self._spilled.add(key, _Entry((tensors, device), nbytes, used))
        self._kept.drop(key)


class _Entry(NamedTuple):
    value: Any
    nbytes: int
    used: int
    """The edit that used it last."""
    first: bool = False
    """Whether it comes before all else."""


class _Tier:
    """Entries of a cache in one memory, the most recently used last."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._entries)

    @property
    def nbytes(self) -> int:
        return sum(entry.nbytes for entry in self._entries.values())

    def used(self, key: Hashable, edit: int) -> _Entry | None:
        """An entry, marked as used by an edit; None if it is not there."""
        if key not in self._entries:
            return None
        self._entries[key] = self._entries[key]._replace(used=edit)
        self._entries.move_to_end(key)
        return self._entries[key]

    def room(self, key: Hashable, nbytes: int, edit: int, *, first: bool = False) -> list[Hashable] | None:
        """The keys to drop so that a value fits in place of the key's own, None if it cannot."""
        before = self._entries.get(key)
        excess = self.nbytes - (before.nbytes if before else 0) + nbytes - self._max_bytes
        given_up: list[Hashable] = []
        for other, entry in self._entries.items():
            if excess <= 0:
                break
            if other != key and (first or entry.used < edit - 1):
                given_up.append(other)
                excess -= entry.nbytes
        if excess <= 0:
            return given_up
        larger = {
            other: entry.nbytes
            for other, entry in self._entries.items()
            if other not in (key, *given_up)
            and not entry.first
            and entry.nbytes > nbytes
            and entry.nbytes >= excess
        }
        return [*given_up, max(larger, key=lambda other: larger[other])] if larger else None

    def add(self, key: Hashable, entry: _Entry) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)

    def drop(self, key: Hashable) -> _Entry | None:
        return self._entries.pop(key, None)


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

    def sites(self, index: int, branch: Branch) -> frozenset[str]:
        """The sites whose features of a branch are kept in step `index`."""
        return self.cache.names(self._at(index, branch))

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
