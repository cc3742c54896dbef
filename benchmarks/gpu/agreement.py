"""Whether the miniature makes the same pictures on a device as on the processor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from PIL import Image

import engine
from miniature.pairs import Pair, held_out_pairs
from miniature.pictures import psnr, rgb

INVERTERS: Final = ("ddim", "direct")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Numbers to compute with, and how nearly their pictures agree with the processor's in float32.

    ``most`` is the largest difference of 255 that is allowed, ``least`` the agreement in dB. On a processor
    four steps in float16 agree with float32 at 57 dB, and in bfloat16 at 41. TF32, in which PyTorch convolves
    float32 on a GPU unless it is forbidden, has the mantissa of float16.
    """

    dtype: str
    least: float
    most: int | None = None
    tf32: bool = False


NUMBERS: Final[Mapping[str, Numbers]] = {
    "float32": Numbers(dtype="float32", least=48.0, most=1),
    "float32, TF32": Numbers(dtype="float32", least=40.0, tf32=True),
    "float16": Numbers(dtype="float16", least=40.0),
    "bfloat16": Numbers(dtype="bfloat16", least=30.0),
}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One edit on the device against the same one on the processor in float32; the numbers by name."""

    inverter: str
    numbers: str
    largest: int
    decibel: float

    @property
    def agrees(self) -> bool:
        """Whether it lies within what is stated."""
        allowed = NUMBERS[self.numbers]
        return self.decibel >= allowed.least and (allowed.most is None or self.largest <= allowed.most)


def agreements(device: str, steps: int) -> Iterator[Agreement]:
    """Every inverter that learns nothing, with the default edit, in all numbers."""
    (pair,) = held_out_pairs("object", 1)
    for inverter in INVERTERS:
        reference = edited(pair, inverter, steps, "cpu", "float32")
        for name, numbers in NUMBERS.items():
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=numbers.tf32):
                image = edited(pair, inverter, steps, device, numbers.dtype)
            yield Agreement(
                inverter=inverter,
                numbers=name,
                largest=int(np.abs(rgb(image) - rgb(reference)).max()),
                decibel=psnr(image, reference),
            )


def edited(pair: Pair, inverter: str, steps: int, device: str, dtype: str) -> Image.Image:
    """The pair's edit by the default method."""
    models = engine.load("miniature", device=device, dtype=dtype)
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method=inverter, steps=steps)
    return engine.edit(models, record, engine.Edit(prompt=pair.target.caption)).images[0]
