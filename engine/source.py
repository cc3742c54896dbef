"""The source, denoised beside its edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from engine.attention import Branch, Features, Heads, Observer, Site, SourceStep, Step
from engine.backbones import Backbone
from engine.denoise import together
from engine.errors import check_finite
from engine.lane import Lane
from engine.noise import Level, move, noised, seeded_noise
from engine.record import SourceRecord
from engine.source_cache import PICTURE, SourceCache, Walk


def look_into(
    model: Backbone, x: Tensor, level: Level, step: Step, sites: frozenset[str]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The prediction for the one branch of a step, and its features by site."""
    recorder = _Recorder(sites)
    (held,) = together(model, x, level, replace(step, observers=(recorder,))).values()
    return held, recorder.hidden


class SourceRun:
    """One walk of a record's source down its noise levels, at the pace of the edits beside it.

    `lane` is the source as a lane of one row. If `pinned`, it follows its trajectory, and costs the denoiser
    only those calls whose features an edit wants; else it is sampled, guided as its lane is. With the seed of
    a `noise` its trajectory is its clean latent under that noise at every level. It always runs alone and
    branch by branch, so that its features do not depend on its company. `calls` counts the calls of the
    denoiser; what is in the cache costs none.

    Raises:
        NumericalError: a free source became NaN or infinite.
    """

    def __init__(
        self,
        model: Backbone,
        record: SourceRecord,
        lane: Lane,
        *,
        pinned: bool,
        noise: int | None = None,
        cache: SourceCache | None = None,
    ) -> None:
        self.calls = 0
        self._model, self._lane = model, lane
        self._cache = SourceCache(0) if cache is None else cache
        self._cache.begin()
        self._walk = Walk(
            cache=self._cache,
            record=record.key,
            device=model.device,
            guidance=None if pinned else lane.guidance,
            noise=noise,
        )
        trajectory = record.trajectory.to(model.device).flip(0)
        if noise is not None:
            trajectory = _noised(trajectory[-1:], lane, noise)
        path: Tensor | None = trajectory if pinned else self._cache.get((*self._walk.key, "path"))
        self._path = list((trajectory[:1] if path is None else path).split(1))

    def beside(self, step: Step, wanted: Mapping[str, frozenset[str]]) -> SourceStep:
        """The source at a step, with its features at the sites wanted in each branch, made if not kept.

        Steps are to be asked for in order, those of a source that is sampled from the first on.
        """
        own = self._lane.step(step.index)
        free = step.index + 1 == len(self._path)
        guiding = frozenset(branch.name for branch in own.branches) if free else frozenset()
        features: dict[str, Features] = {}
        predictions: dict[str, Tensor] = {}
        for name in sorted(guiding | {name for name, sites in wanted.items() if sites}):
            branch = self._lane.branch(step.index, name)
            kept, sites = self._walk.sites(step.index, branch), wanted.get(name, frozenset())
            if name in guiding or not sites <= kept:
                predictions[name], hidden = self._run(own, branch, sites | kept)
                self._walk.keep(step.index, branch, hidden)
            else:
                hidden = dict(self._walk.features(step.index, branch))
            if sites:
                context = branch.conditioning.context
                features[name] = Features(hidden=hidden, context=context, values=branch.values)
        if free:
            self._advance(own, predictions)
        return SourceStep(latent=self._path[step.index + 1], features=features)

    def rows(self, step: Step, wanted: Mapping[str, frozenset[str]]) -> int:
        """The rows that `beside` would cost by now, were the steps before it done."""
        sampled = step.index + 1 >= len(self._path)
        rows = {branch.name for branch in self._lane.step(step.index).branches} if sampled else set()
        for name, sites in wanted.items():
            if not sites:
                continue
            if not sites <= self._walk.sites(step.index, self._lane.branch(step.index, name)):
                rows.add(name)
        return len(rows)

    @property
    def latent(self) -> Tensor:
        """The source's latent by now, (1, C, h, w); at the end of the edit its clean one."""
        return self._path[-1]

    @property
    def picture(self) -> Image.Image | None:
        """The source as it came out, if the cache knows it."""
        kept: Image.Image | None = self._cache.get((*self._walk.key, PICTURE))
        return kept and kept.copy()

    def keep(self, picture: Image.Image) -> None:
        """Let the cache know how the source came out."""
        self._cache.put((*self._walk.key, PICTURE), picture.copy(), len(picture.tobytes()), first=True)

    def _run(self, own: Step, branch: Branch, sites: frozenset[str]) -> tuple[Tensor, dict[str, Tensor]]:
        self.calls += 1
        x = self._path[own.index]
        fed = x if self._walk.noise is not None else self._lane.learned.source_input(own.index)
        if fed is not None:
            x, branch = fed, replace(branch, shift=None)
        alone = Step(index=own.index, total=own.total, branches=(branch,))
        return look_into(self._model, x, self._lane.calls[own.index].shown, alone, sites)

    def _advance(self, own: Step, predictions: Mapping[str, Tensor]) -> None:
        x, call = self._path[own.index], self._lane.calls[own.index]
        held = self._lane.guidance.combine(predictions, own.index, own.total)
        arrived = move(x, held, call.at, call.to, *self._lane.learned.noise(own.index))
        self._path.append(check_finite(arrived, "source", own.index))
        if len(self._path) == own.total + 1:
            path = torch.cat(self._path)
            self._cache.put((*self._walk.key, "path"), path, path.nbytes, first=True)


def _noised(clean: Tensor, lane: Lane, seed: int) -> Tensor:
    """The latent (1, C, h, w) under one noise at every level of a run, the noisiest first and it at the end.

    The background of Blended Latent Diffusion (Avrahami et al. 2023, https://arxiv.org/abs/2206.02779).
    """
    noise = seeded_noise(tuple(clean.shape), seed, clean.device)
    return torch.cat([*(noised(clean, noise, call.at) for call in lane.calls), clean])


class _Recorder(Observer):
    """Keeps what the sites of these names take or give, from which all else there follows."""

    def __init__(self, sites: frozenset[str]) -> None:
        self.hidden: dict[str, Tensor] = {}
        self._sites = sites

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.name in self._sites

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        self.hidden[site.name] = heads.hidden

    def features(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> None:
        self.hidden[site.name] = features
