"""Whether the miniature makes the same pictures on a device as on the processor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

import engine
from miniature.pairs import Pair, held_out_pairs
from miniature.pictures import psnr, rgb

INVERTERS: Final = ("ddim", "direct")
# By dtype, the largest difference of 255 that is allowed and the least agreement in dB. On a processor four
# steps in float16 agree with float32 at 57 dB, and in bfloat16 at 41.
MOST: Final[Mapping[str, int | None]] = {"float32": 1, "float16": None, "bfloat16": None}
LEAST: Final[Mapping[str, float]] = {"float32": 48.0, "float16": 40.0, "bfloat16": 30.0}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One edit on the device against the same one on the processor in float32."""

    inverter: str
    dtype: str
    largest: int
    decibel: float

    @property
    def agrees(self) -> bool:
        """Whether it lies within what is stated."""
        most = MOST[self.dtype]
        return self.decibel >= LEAST[self.dtype] and (most is None or self.largest <= most)


def agreements(device: str, steps: int) -> Iterator[Agreement]:
    """Every inverter that learns nothing, with the default edit, in every dtype."""
    (pair,) = held_out_pairs("object", 1)
    for inverter in INVERTERS:
        reference = edited(pair, inverter, steps, "cpu", "float32")
        for dtype in LEAST:
            image = edited(pair, inverter, steps, device, dtype)
            yield Agreement(
                inverter=inverter,
                dtype=dtype,
                largest=int(np.abs(rgb(image) - rgb(reference)).max()),
                decibel=psnr(image, reference),
            )


def edited(pair: Pair, inverter: str, steps: int, device: str, dtype: str) -> Image.Image:
    """The pair's edit by the default method."""
    models = engine.load("miniature", device=device, dtype=dtype)
    record = engine.invert(models, pair.image, prompt=pair.source.caption, method=inverter, steps=steps)
    return engine.edit(models, record, engine.Edit(prompt=pair.target.caption)).images[0]
