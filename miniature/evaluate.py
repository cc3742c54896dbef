"""``python -m miniature.evaluate``: the miniature against its bars, on scenes it was never trained on.

Prints one table, writes it into the model card beside the weights, and with ``--json`` into a file.
"""

import json as json_module
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import numpy as np
import torch
import typer
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from rich.table import Table
from torch import nn

import engine
from engine import codec
from miniature import WEIGHTS
from miniature.attention import WordMaps
from miniature.card import write_card
from miniature.pictures import psnr
from miniature.printing import open_console
from miniature.recipe.data import HELD_OUT
from miniature.recipe.judge import judge
from miniature.recipe.package import load_judge
from miniature.scenes import Scene, sample

STEPS = 50
BATCH = 20
GUIDANCE = 3.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One figure and what it should reach."""

    name: str
    value: float
    target: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value >= self.target

    def row(self) -> tuple[str, str, str, str]:
        digits = 3 if self.unit == "IoU" else 1
        return (
            self.name,
            f"{self.value:.{digits}f} {self.unit}",
            f">= {self.target:g}",
            "yes" if self.met else "no",
        )


def held_out(count: int, *, first: int = HELD_OUT, complete: bool = True) -> list[Scene]:
    return [sample(seed, complete=complete) for seed in range(first, first + count)]


def pipeline_of(folder: Path) -> Any:
    """The stock pipeline of diffusers, silent, with the attention that is fastest at this size."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.set_attn_processor(AttnProcessor())
    return pipeline


def paint(pipeline: Any, prompts: Sequence[str], first: int, steps: int) -> list[Image.Image]:
    """One picture per prompt, each from noise of its own seed from ``first`` on."""
    noise = [torch.Generator().manual_seed(first + row) for row in range(len(prompts))]
    images: list[Image.Image] = pipeline(
        list(prompts), num_inference_steps=steps, guidance_scale=GUIDANCE, generator=noise
    ).images
    return images


def autoencoder(models: engine.Backbone, scenes: Sequence[Scene]) -> Iterator[Bar]:
    by_style: dict[str, list[float]] = defaultdict(list)
    for scene in scenes:
        image = scene.render()
        by_style[scene.style].append(psnr(image, codec.decode(models, codec.encode(models, image))[0]))
    yield Bar(name="autoencoder, photo", value=fmean(by_style.pop("photo")), target=30, unit="dB")
    for style, values in by_style.items():
        yield Bar(name=f"autoencoder, {style}", value=fmean(values), target=0, unit="dB")


def shown(critic: nn.Module, images: Sequence[Image.Image], scenes: Sequence[Scene]) -> dict[str, float]:
    """Percent of pictures that show each attribute of their scene."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for verdict, scene in zip(judge(critic, images), scenes, strict=True):
        for attribute, right in verdict.shows(scene).items():
            hits[attribute].append(right)
    return {attribute: 100 * fmean(values) for attribute, values in hits.items()}


def judged(critic: nn.Module, scenes: Sequence[Scene]) -> Iterator[Bar]:
    for attribute, value in shown(critic, [scene.render() for scene in scenes], scenes).items():
        yield Bar(name=f"judge on renders, {attribute}", value=value, target=99, unit="%")


def painted(folder: Path, critic: nn.Module, scenes: Sequence[Scene]) -> Iterator[Bar]:
    targets = {"object": 95, "colour": 95, "background": 97, "style": 95}
    pipeline = pipeline_of(folder)
    images: list[Image.Image] = []
    for start in track(range(0, len(scenes), BATCH), "painting"):
        some = [scene.caption for scene in scenes[start : start + BATCH]]
        images += paint(pipeline, some, start, STEPS)
    for attribute, value in shown(critic, images, scenes).items():
        yield Bar(
            name=f"painted from captions, {attribute}", value=value, target=targets[attribute], unit="%"
        )


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((mask & truth).sum() / max((mask | truth).sum(), 1))


def inverted(models: engine.Backbone, scenes: Sequence[Scene]) -> Iterator[Bar]:
    """DDIM inversion at w=1 against the autoencoder alone, and where the object's word looks meanwhile."""
    losses, overlaps = [], []
    for scene in track(scenes, "inverting"):
        image, prompt = scene.render(), scene.caption
        record = engine.invert(models, image, prompt=prompt, method="ddim", steps=STEPS)
        ceiling = codec.decode(models, record.trajectory[:1])[0]
        losses.append(psnr(engine.reconstruct(models, record), image) - psnr(ceiling, image))
        maps = WordMaps.of(models, record)
        for index, thing in enumerate(scene.things):
            if [other.object for other in scene.things].count(thing.object) == 1:
                overlaps.append(iou(maps.mask(thing.object, image.size), scene.object_mask(index)))
    yield Bar(name="DDIM inversion at w=1 against the autoencoder", value=fmean(losses), target=-2, unit="dB")
    yield Bar(name="attention map of the object's word", value=fmean(overlaps), target=0.8, unit="IoU")


def table(bars: Sequence[Bar]) -> Table:
    result = Table("figure", "measured", "bar", "met", title="the miniature on held-out scenes")
    for bar in bars:
        result.add_row(*bar.row())
    return result


def measure(folder: Path, captions: int) -> list[Bar]:
    models = engine.load(folder)
    critic = load_judge(folder)
    scenes = held_out(captions)
    return [
        *autoencoder(models, scenes),
        *judged(critic, held_out(4 * captions)),
        *painted(folder, critic, scenes),
        *inverted(models, scenes[: captions // 8]),
    ]


def report(folder: Path, captions: int) -> list[Bar]:
    """Measure a package by so many held-out captions, 8 or more; prints the table and writes its card."""
    bars = measure(folder, captions)
    open_console().print(table(bars))
    write_card(folder, [bar.row() for bar in bars], captions)
    return bars


def main(
    folder: Annotated[Path, typer.Option(help="The diffusers folder to measure.")] = WEIGHTS,
    captions: Annotated[int, typer.Option(min=8, help="How many held-out captions to paint.")] = 300,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    bars = report(folder, captions)
    if json:
        json.write_text(json_module.dumps([asdict(bar) | {"met": bar.met} for bar in bars], indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
