"""Seconds and memory of what the engine does with a model, beside diffusers' own pipeline."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image
from torch.profiler import ProfilerActivity, profile

import engine
from engine.backbones.sdxl import StableDiffusionXL
from engine.errors import memory_errors
from miniature.recipe.denoiser import scheduler

SOURCE: Final = "a cat on grass"
TARGETS: Final = ("a dog on grass", "a fox on grass", "a lion on grass", "a panda on grass") * 4
BATCHES: Final = (1, 2, 4, 8, 16)
ROOM: Final = 2**34


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one piece of work, and the most memory that was held meanwhile."""

    size: str
    name: str
    dtype: str
    seconds: float | None  # None: it did not fit
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One operation's own time on the device, or on the processor where there is none, in all its calls."""

    size: str
    dtype: str
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
    """A model in one dtype on a device, an inverted picture, and diffusers' pipeline of the same networks.

    Raises:
        OutOfMemory: they do not fit the device.
    """

    def __init__(self, folder: Path, device: str, dtype: str, steps: int, size: str) -> None:
        self.device, self.dtype, self.steps, self.size = torch.device(device), dtype, steps, size
        self.models: Any = engine.load(folder, device=device, dtype=dtype)
        with memory_errors():
            self.pipeline = pipeline_of(self.models)
        self.side = self.models.spec.size
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
        with memory_errors():
            self.pipeline(
                SOURCE,
                num_inference_steps=self.steps,
                guidance_scale=7.5,
                height=self.side,
                width=self.side,
                output_type="np",
            )

    def lay_out(self, layout: torch.memory_format) -> None:
        """Lay out the convolutions of U-Net and autoencoder, in which the pipeline shares the U-Net."""
        for part in (self.models.network, self.models.vae):
            part.to(memory_format=layout)


def pipeline_of(models: Any) -> Any:
    """Diffusers' pipeline of a model's U-Net and text encoders, with an autoencoder of its own."""
    shared = {"unet": models.network, "text_encoder": models.text_encoder, "tokenizer": models.tokenizer}
    own = {"vae": copy.deepcopy(models.vae).to(models.dtype), "scheduler": scheduler()}
    if isinstance(models, StableDiffusionXL):
        second = {"text_encoder_2": models.text_encoder_2, "tokenizer_2": models.tokenizer_2}
        pipeline = StableDiffusionXLPipeline(**shared, **own, **second, add_watermarker=False)
    else:
        pipeline = StableDiffusionPipeline(
            **shared, **own, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def works(bench: Bench, repeats: int, clock: Clock) -> Iterator[tuple[str, Callable[[], list[Timing]]]]:
    """What is to be timed, each with its name, to be begun while there is time."""
    yield "prepare", partial(alone, bench, "prepare", bench.prepare)
    yield "edits in turns", partial(in_turns, bench, repeats, clock)
    for targets in BATCHES[1:]:
        name = f"repeated edit, {targets} targets"
        yield name, partial(alone, bench, name, partial(bench.edit, targets))


def alone(bench: Bench, name: str, work: Callable[[], object]) -> list[Timing]:
    """One piece of work, run once."""
    return [timed(bench, name, work)]


def in_turns(bench: Bench, repeats: int, clock: Clock) -> list[Timing]:
    """First and repeated edit, this channels last too, and diffusers' pipeline: medians of some turns."""
    kinds: dict[str, tuple[torch.memory_format, Callable[[], object]]] = {
        "first edit": (torch.contiguous_format, partial(bench.edit, again=False)),
        "repeated edit": (torch.contiguous_format, bench.edit),
        "repeated edit, channels last": (torch.channels_last, bench.edit),
        "diffusers' pipeline, one picture": (torch.contiguous_format, bench.paint),
    }
    found: dict[str, list[Timing]] = {name: [] for name in kinds}
    for turn in range(-1, repeats):  # the first one warms up
        if turn > 0 and clock.over:
            break
        for name, (layout, work) in kinds.items():
            bench.lay_out(layout)
            timing = timed(bench, name, work)
            if turn >= 0:
                found[name].append(timing)
    bench.lay_out(torch.contiguous_format)
    return [middle(some) for some in found.values()]


def timed(bench: Bench, name: str, work: Callable[[], object]) -> Timing:
    """One run between two synchronisations of the device."""
    on_gpu = bench.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(bench.device)
        torch.cuda.synchronize(bench.device)
    seconds: float | None = None
    begun = time.perf_counter()
    try:
        work()
        if on_gpu:
            torch.cuda.synchronize(bench.device)
        seconds = time.perf_counter() - begun
    except engine.OutOfMemory:
        torch.cuda.empty_cache()
    peak = torch.cuda.max_memory_allocated(bench.device) if on_gpu else 0
    return Timing(size=bench.size, name=name, dtype=bench.dtype, seconds=seconds, peak_bytes=peak)


def middle(some: list[Timing]) -> Timing:
    """The one of median seconds; what did not fit counts as the slowest."""
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
        Cost(
            size=bench.size,
            dtype=bench.dtype,
            name=event.key,
            milliseconds=time / 1000,
            share=time / total,
            calls=event.count,
        )
        for time, event in spent[:most]
    ]
