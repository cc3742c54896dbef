"""The source beside its edits: run alone, and remembered."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import torch
from cachetools import LRUCache
from PIL import Image
from torch import Tensor

from engine.attention import Branch, BranchName, Features, Site, SourceStep, Step
from engine.denoise import Text, batched, guided
from engine.errors import InvalidParameter, check_finite
from engine.models import Models
from engine.record import SourceRecord
from engine.schedule import ddim_move


class SourceCache:
    """What edits of the same source need again, in at most `max_bytes` of the model's device.

    The least recently used goes first. It never changes a result: what is missing is made anew, to the bit.
    Keys are tuples that begin with the key of the record.

    Raises:
        InvalidParameter: `max_bytes` is no number of bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 0:
            raise InvalidParameter("max_bytes", max_bytes, "a number of bytes")
        self._kept: LRUCache[Hashable, tuple[Any, int]] = LRUCache(max_bytes, lambda entry: entry[1])

    @property
    def max_bytes(self) -> int:
        """The most that it holds."""
        return int(self._kept.maxsize)

    @property
    def nbytes(self) -> int:
        """What it holds."""
        return int(self._kept.currsize)

    def get(self, key: Hashable) -> Any:
        """What was put there, None if it is not there any more."""
        found = self._kept.get(key)
        return None if found is None else found[0]

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep a value of so many bytes, unless it alone is too much."""
        if nbytes <= self._kept.maxsize:
            self._kept[key] = value, nbytes

    def forget(self, record: str) -> None:
        """Forget all that was kept of the record of this key."""
        for key in [key for key in self._kept if isinstance(key, tuple) and key[:1] == (record,)]:
            self._kept.pop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


class SourceRun:
    """One walk of a record's source down its noise levels, at the pace of the edits beside it.

    A pinned source follows its trajectory, and costs the U-Net only those calls whose features an edit wants;
    a free one is sampled, guided as the edit is. It always runs alone and branch by branch, so that its
    features do not depend on its company. `calls` counts the calls of the U-Net; what is in the cache costs
    none. `text` is the source's own, of one row. To be used within `controlled`, as `denoise` does.

    Raises:
        NumericalError: a free source became NaN or infinite.
    """

    def __init__(
        self,
        models: Models,
        record: SourceRecord,
        *,
        text: Text,
        guidance_scale: float,
        cache: SourceCache | None = None,
    ) -> None:
        self.calls = 0
        self._models, self._text, self._scale = models, text, guidance_scale
        self._cache = SourceCache(0) if cache is None else cache
        self._schedule = models.schedule(record.steps)
        self._moves = list(self._schedule.denoising())
        # A pinned source is where it is at any guidance; a free one is not.
        self._key = (record.key, str(models.device), None if record.pinned else guidance_scale)
        trajectory = record.trajectory.to(models.device).flip(0)
        path: Tensor | None = trajectory if record.pinned else self._cache.get((*self._key, "path"))
        self._path = list((trajectory[:1] if path is None else path).split(1))

    def beside(self, step: Step, wanted: Mapping[BranchName, frozenset[str]]) -> SourceStep:
        """The source at a step, with its features at the sites wanted in each branch, made if not kept.

        Of a free source the steps are to be asked for in order.
        """
        free = step.index + 1 == len(self._path)
        features: dict[BranchName, Features] = {}
        said: list[Tensor] = []
        for branch in step.branches:
            alone = self._alone(step, branch)
            key, sites = (*self._key, step.index, branch.name), wanted[branch.name]
            hidden: dict[str, Tensor] = self._cache.get(key) or {}
            if free or not sites <= hidden.keys():
                told, hidden = self._run(alone, sites | hidden.keys())
                said.append(told)
                if hidden:
                    self._cache.put(key, hidden, sum(tensor.nbytes for tensor in hidden.values()))
            if sites:
                features[branch.name] = Features(
                    hidden=hidden, context=self._text.of(alone.branches[0]), values=alone.values
                )
        if free:
            self._advance(step.index, said)
        return SourceStep(latent=self._path[step.index + 1], features=features)

    def rows(self, step: Step, wanted: Mapping[BranchName, frozenset[str]]) -> int:
        """How many rows `beside` would give the U-Net by now, were the steps before it done."""
        free = step.index + 1 >= len(self._path)
        names = [branch.name for branch in step.branches]
        kept = [self._cache.get((*self._key, step.index, name)) or {} for name in names]
        return sum(free or not wanted[name] <= seen.keys() for name, seen in zip(names, kept, strict=True))

    @property
    def latent(self) -> Tensor:
        """Where the source is by now, (1, C, h, w); at the end of the edit, where it came out."""
        return self._path[-1]

    @property
    def picture(self) -> Image.Image | None:
        """The source as it came out, if the cache knows it."""
        kept: Image.Image | None = self._cache.get((*self._key, "picture"))
        return kept and kept.copy()

    def keep(self, picture: Image.Image) -> None:
        """Let the cache know how the source came out."""
        self._cache.put((*self._key, "picture"), picture.copy(), len(picture.tobytes()))

    def _alone(self, step: Step, branch: Branch) -> Step:
        values = None if self._text.values is None else self._text.values[step.index]
        return replace(step, values=values, source=None).of(Branch(branch.name, (0,)))

    def _run(self, step: Step, sites: frozenset[str]) -> tuple[Tensor, dict[str, Tensor]]:
        hidden: dict[str, Tensor] = {}

        def record(site: Site, entering: Tensor) -> None:
            if site.name in sites:
                hidden[site.name] = entering

        self.calls += 1
        latent, timestep = self._path[step.index], self._moves[step.index].timestep
        (said,) = batched(self._models, latent, timestep, self._text, replace(step, record=record))
        return said, hidden

    def _advance(self, index: int, said: list[Tensor]) -> None:
        x, move = self._path[index], self._moves[index]
        eps = guided(x, said, move, self._schedule, self._scale)
        self._path.append(check_finite(ddim_move(x, eps, move), "source", index))
        if len(self._path) == len(self._moves) + 1:
            path = torch.cat(self._path)
            self._cache.put((*self._key, "path"), path, path.nbytes)
