"""The plain algorithm and ours in turn, on the same pictures, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import engine
from benchmarks import plain
from benchmarks.counting import Counts, counted
from benchmarks.pictures import most_apart
from benchmarks.stylediffusion.fidelity import Fidelity, fidelity
from miniature.pairs import Pair

T = TypeVar("T")

PLAIN, FAITHFUL, DEFAULT = "plain", "stylediffusion-faithful", "stylediffusion"
BLENDS = {"with LocalBlend": True, "without": False}
ROOM = 2**30


@dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds by the clock, and of processor time, which does not hear of others on the same machine."""

    wall: float
    processor: float


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """One picture prepared by one variant."""

    scene: int
    variant: str
    seconds: Took
    counts: Counts
    fidelity: Fidelity


@dataclass(frozen=True, kw_only=True)
class EditRun:
    """One edit of one picture.

    `what` is "plain", or ours as "first" or "cached"; `blend` says whether LocalBlend was on; `record` is
    whose preparation was edited; `apart` is the largest difference from the plain edit of the same one, in
    0..255.
    """

    scene: int
    what: str
    blend: str
    record: str
    seconds: Took
    counts: Counts
    apart: int | None = None


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One model under both algorithms, at one guidance scale and number of steps."""

    parts: plain.Parts
    steps: int
    guidance_scale: float

    @property
    def models(self) -> engine.Backbone:
        """What both run on; the plain algorithm has its own copy of what it trains through."""
        return self.parts.models

    def prepare_plainly(self, scene: int, pair: Pair) -> tuple[plain.Prepared, Preparation]:
        """Prepare a picture by the published algorithm."""
        image, prompt = pair.image, pair.source.caption
        prepared, seconds, counts = self._timed(
            lambda: plain.prepare(
                self.parts, image, prompt, steps=self.steps, guidance_scale=self.guidance_scale
            ),
            self.parts,
        )
        held = self._fidelity(pair, self.record(pair, prepared))
        return prepared, Preparation(
            scene=scene, variant=PLAIN, seconds=seconds, counts=counts, fidelity=held
        )

    def prepare(self, scene: int, pair: Pair, variant: str) -> tuple[engine.SourceRecord, Preparation]:
        """Prepare a picture by one of our inverters."""
        record, seconds, counts = self._timed(
            lambda: engine.invert(
                self.models,
                pair.image,
                prompt=pair.source.caption,
                method=variant,
                steps=self.steps,
                params={"guidance_scale": self.guidance_scale},
            ),
            self.models,
        )
        held = self._fidelity(pair, record)
        return record, Preparation(
            scene=scene, variant=variant, seconds=seconds, counts=counts, fidelity=held
        )

    def record(self, pair: Pair, prepared: plain.Prepared) -> engine.SourceRecord:
        """What the plain preparation learned, as a record that ours can edit: its source row runs free."""
        gamma, beta = plain.learned(self.parts, pair.image, prepared)
        return engine.SourceRecord(
            key=f"{PLAIN} {pair.source.seed}",
            revision=self.models.revision,
            dtype=self.models.dtype_name,
            method=FAITHFUL,
            prompt=pair.source.caption,
            steps=self.steps,
            params={"guidance_scale": self.guidance_scale},
            trajectory=prepared.trajectory,
            learned={"gamma": gamma, "beta": beta},
        )

    def edits(
        self,
        scene: int,
        pair: Pair,
        prepared: plain.Prepared,
        record: engine.SourceRecord,
        repeats: int,
        blend: str,
    ) -> Iterator[EditRun]:
        """The same edit plainly and ours, in turn, then that of our own record.

        Ours first edits what the plain preparation learned: the same algorithm on the same numbers, so that
        its pictures can be held against the plain ones.
        """
        words = pair.source.things[0].object, pair.target.things[0].object
        asked = plain.Asked(
            source=pair.source.caption,
            target=pair.target.caption,
            guidance_scale=self.guidance_scale,
            blend_words=words if BLENDS[blend] else None,
        )
        ours = {PLAIN: self.record(pair, prepared), record.method: record}
        cache = engine.SourceCache(ROOM)
        for turn in range(repeats):
            painted, seconds, counts = self._timed(
                lambda: plain.edit(self.parts, pair.image, prepared, asked), self.parts
            )
            yield EditRun(
                scene=scene, what="plain", blend=blend, record=PLAIN, seconds=seconds, counts=counts
            )
            for whose, one in ours.items():
                for what in ("first", "cached") if turn == 0 else ("cached",):
                    result, seconds, counts = self._timed(
                        partial(engine.edit, self.models, one, _edit(asked), cache=cache), self.models
                    )
                    yield EditRun(
                        scene=scene,
                        what=what,
                        blend=blend,
                        record=whose,
                        seconds=seconds,
                        counts=counts,
                        apart=most_apart(result.images[0], painted.target) if whose == PLAIN else None,
                    )

    def _timed(self, work: Callable[[], T], parts: plain.Parts | engine.Backbone) -> tuple[T, Took, Counts]:
        unet = parts.network if isinstance(parts, engine.Backbone) else parts.unet
        with counted(unet=unet, vision=parts.vision, vae=self.models.vae) as counts:
            start, busy = time.perf_counter(), time.process_time()
            done = work()
            took = Took(wall=time.perf_counter() - start, processor=time.process_time() - busy)
            return done, took, counts

    def _fidelity(self, pair: Pair, record: engine.SourceRecord) -> Fidelity:
        gamma, beta = record.learned["gamma"], record.learned["beta"]
        return fidelity(self.parts, pair.image, pair.source.caption, gamma, beta, self.guidance_scale)


def _edit(asked: plain.Asked) -> engine.Edit:
    method: Any = engine.P2P(
        tau_c=asked.tau_c,
        tau_s=asked.tau_s,
        tau_v=asked.tau_v,
        blend_words=asked.blend_words,
        blend_threshold=asked.blend_threshold,
        blend_start=asked.blend_start,
        blend_in="latent",
    )
    return engine.Edit(prompt=asked.target, method=method, guidance_scale=asked.guidance_scale)
