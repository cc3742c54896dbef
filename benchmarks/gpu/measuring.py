"""Seconds and memory of what the engine does with a model, beside diffusers' own pipeline."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch.profiler import ProfilerActivity, profile

import engine

SOURCE: Final = "a cat on grass"
TARGETS: Final = ("a dog on grass", "a fox on grass", "a lion on grass", "a panda on grass") * 4
BATCHES: Final = (1, 2, 4, 8, 16)
ROOM: Final = 2**34


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one piece of work, median of its repeats, and the most memory that was held meanwhile."""

    name: str
    dtype: str
    seconds: float | None  # None: it did not fit
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One operation's own time on the device, or on the processor where there is none, in all its calls."""

    name: str
    milliseconds: float
    share: float
    calls: int


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The time that is left of so many seconds."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether it is spent."""
        return time.monotonic() - self.begun >= self.seconds


class Bench:
    """A model in one dtype on a device, an inverted picture, and diffusers' pipeline of the same weights."""

    def __init__(self, folder: Path, device: str, dtype: str, steps: int) -> None:
        self.device, self.dtype, self.steps = torch.device(device), dtype, steps
        self.models: Any = engine.load(folder, device=device, dtype=dtype)
        pipeline = StableDiffusionPipeline.from_pretrained(folder)
        self.pipeline = pipeline.to(device, getattr(torch, dtype))
        self.pipeline.set_progress_bar_config(disable=True)
        self.side = self.pipeline.unet.config.sample_size * self.pipeline.vae_scale_factor
        self.image = Image.linear_gradient("L").convert("RGB").resize((self.side, self.side))
        self.cache = engine.SourceCache(ROOM)
        self.record = self.prepare()

    def prepare(self) -> engine.SourceRecord:
        """Invert the picture."""
        return engine.invert(self.models, self.image, prompt=SOURCE, steps=self.steps)

    def edit(self, targets: int = 1, *, again: bool = True) -> None:
        """Edit it, with what an earlier edit left of the source or with nothing."""
        cache = self.cache if again else engine.SourceCache(ROOM)
        engine.edit(self.models, self.record, engine.Edit(prompt=TARGETS[:targets]), cache=cache)

    def paint(self) -> None:
        """One picture from noise by diffusers' pipeline: two rows a step, like a repeated edit."""
        self.pipeline(
            SOURCE,
            num_inference_steps=self.steps,
            guidance_scale=7.5,
            height=self.side,
            width=self.side,
            output_type="np",
        )


def timings(bench: Bench, repeats: int, clock: Clock) -> Iterator[Timing]:
    """Prepare, first edit, repeated edit against diffusers in turns, and edits of 1 to 16 targets."""
    yield timed(bench, "prepare", bench.prepare, 1)
    yield timed(bench, "first edit", lambda: bench.edit(again=False), repeats)
    bench.edit()
    bench.paint()
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(timed(bench, "repeated edit", bench.edit, 1))
        theirs.append(timed(bench, "diffusers' pipeline, one picture", bench.paint, 1))
    yield from (middle(ours), middle(theirs))
    for targets in BATCHES[1:]:
        if clock.over:
            return
        yield timed(bench, f"repeated edit, {targets} targets", partial(bench.edit, targets), 1)


def timed(bench: Bench, name: str, work: Callable[[], object], repeats: int) -> Timing:
    """The median of some runs, each between two synchronisations of the device."""
    seconds: list[float] = []
    on_gpu = bench.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(bench.device)
    try:
        for _ in range(repeats):
            if on_gpu:
                torch.cuda.synchronize(bench.device)
            begun = time.perf_counter()
            work()
            if on_gpu:
                torch.cuda.synchronize(bench.device)
            seconds.append(time.perf_counter() - begun)
    except engine.OutOfMemory:
        seconds = []
    peak = torch.cuda.max_memory_allocated(bench.device) if on_gpu else 0
    return Timing(name=name, dtype=bench.dtype, seconds=median(seconds) if seconds else None, peak_bytes=peak)


def middle(some: list[Timing]) -> Timing:
    """The one of median seconds; one that did not fit, if any did not."""
    return sorted(some, key=lambda one: float("inf") if one.seconds is None else one.seconds)[len(some) // 2]


def costs(bench: Bench, most: int = 5) -> list[Cost]:
    """The operations that a repeated edit spends most on, the costliest first."""
    on_gpu = bench.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as profiler:
        bench.edit()
    spent = [
        (event.self_device_time_total if on_gpu else event.self_cpu_time_total, event)
        for event in profiler.key_averages()
    ]
    total = sum(time for time, _ in spent) or 1
    spent.sort(key=lambda pair: -pair[0])
    return [
        Cost(name=event.key, milliseconds=time / 1000, share=time / total, calls=event.count)
        for time, event in spent[:most]
    ]
