"""The training set: scenes rendered once into a memory-mapped array, with their captions beside it."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from miniature.scenes import SIZE, sample

TRAIN_SCENES = 36_000
HELD_OUT = 1_000_000  # seeds from here on are never trained on


@dataclass(frozen=True, kw_only=True)
class Scenes:
    images: NDArray[np.uint8]  # (n, H, W, 3)
    captions: tuple[str, ...]

    def pixels(self, indices: NDArray[np.int64]) -> torch.Tensor:
        """float in [-1, 1], shape (len(indices), 3, H, W)."""
        rows = torch.from_numpy(self.images[indices])
        return rows.permute(0, 3, 1, 2).float() / 127.5 - 1


def batch_indices(stage: str, step: int, size: int, total: int) -> NDArray[np.int64]:
    """The rows of one batch: a function of stage and step alone, so a resumed run equals an unbroken one."""
    return np.random.default_rng((step, *stage.encode())).integers(0, total, size)


def _row(seed: int) -> tuple[NDArray[np.uint8], str]:
    scene = sample(seed)
    return np.asarray(scene.render()), scene.caption


def training_scenes(folder: Path, count: int = TRAIN_SCENES, workers: int = 2) -> Scenes:
    images, captions = folder / "scenes.npy", folder / "captions.json"
    if not captions.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(images, "w+", np.uint8, (count, SIZE, SIZE, 3))
        texts: list[str] = []
        with ProcessPoolExecutor(workers) as pool:
            rows = pool.map(_row, range(count), chunksize=200)
            for i, (row, caption) in enumerate(track(rows, "scenes", total=count)):
                pixels[i] = row
                texts.append(caption)
        pixels.flush()
        captions.write_text(json.dumps(texts))
    return Scenes(images=np.load(images, mmap_mode="r"), captions=tuple(json.loads(captions.read_text())))
