"""Stage 4: a small classifier of pictures, trained on renders, that judges what a picture shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.recipe.data import Scenes, batch_indices
from miniature.recipe.fit import fit
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES
from miniature.scenes import Scene

STEPS = 6000
BATCH = 64
PAINTED = tuple((name, colour) for name in RECOLOURABLE for colour in COLOURS)
HEADS = (len(OBJECTS), len(PAINTED), len(BACKGROUNDS), len(STYLES))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judge sees in one picture; objects and colours best first."""

    objects: tuple[str, ...]
    painted: tuple[tuple[str, str], ...]
    background: str
    style: str

    def colour_of(self, name: str) -> str:
        return next(colour for thing, colour in self.painted if thing == name)

    def shows(self, scene: Scene) -> dict[str, bool]:
        """Which attributes of ``scene`` the picture shows; ``colour`` only where the scene has one."""
        wanted = {thing.object for thing in scene.things}
        painted = [thing for thing in scene.things if thing.colour]
        right = {
            "object": set(self.objects[: len(wanted)]) == wanted,
            "background": self.background == scene.background,
            "style": self.style == scene.style,
        }
        if painted:
            right["colour"] = all(self.colour_of(thing.object) == thing.colour for thing in painted)
        return right


def build() -> nn.Sequential:
    widths = (3, 32, 64, 128, 192)
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(8, b), nn.SiLU()]
        layers += [nn.Conv2d(b, b, 3, padding=1), nn.GroupNorm(8, b), nn.SiLU()]
    return nn.Sequential(*layers, nn.Flatten(2), _Pool(), nn.Linear(2 * widths[-1], sum(HEADS)))


class _Pool(nn.Module):
    """Mean and maximum over places, shape (n, c, places) -> (n, 2c)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(-1), x.amax(-1)], 1)


def truth(scenes: Iterable[Scene]) -> Tensor:
    """Targets, shape (n, sum(HEADS)): objects and painted objects as 0/1, background and style one-hot."""
    rows = []
    for scene in scenes:
        shown = {thing.object for thing in scene.things}
        painted = {(thing.object, thing.colour) for thing in scene.things}
        rows.append(
            [name in shown for name in OBJECTS]
            + [pair in painted for pair in PAINTED]
            + [name == scene.background for name in BACKGROUNDS]
            + [name == scene.style for name in STYLES]
        )
    return torch.tensor(rows, dtype=torch.float32)


def of_one_setting(shown: Tensor, smallest: int) -> list[NDArray[np.int64]]:
    """The scenes (n, attributes) by the colours and the background they show, small groups left out."""
    _, painted, background, _ = shown.split(HEADS, -1)
    colours = painted.unflatten(-1, (len(RECOLOURABLE), len(COLOURS))).amax(1)
    settings = torch.cat([colours, background], -1)
    number = torch.unique(settings, dim=0, return_inverse=True)[1].numpy()
    groups = [np.flatnonzero(number == setting) for setting in range(number.max() + 1)]
    return [group for group in groups if len(group) >= smallest]


def train(scenes: Scenes, targets: Tensor, folder: Path, device: str, steps: int = STEPS) -> nn.Module:
    torch.manual_seed(4)
    model = build().to(device)
    random = torch.Generator(device)

    def loss_of(step: int) -> Tensor:
        random.manual_seed(step)
        rows = batch_indices("judge", step, BATCH, len(targets))
        pixels = scenes.pixels(rows).to(device)
        # Half the batch is softened and all of it is noisy: the judge must read an autoencoder's hand too.
        pixels = torch.cat([F.avg_pool2d(pixels[: BATCH // 2], 3, 1, 1), pixels[BATCH // 2 :]])
        pixels = pixels + 0.05 * torch.randn(pixels.shape, generator=random, device=device)
        with torch.autocast(device, torch.bfloat16):
            logits = model(pixels)
        objects, painted, background, style = logits.float().split(HEADS, -1)
        goal = targets[rows].to(device).split(HEADS, -1)
        return (
            10 * F.binary_cross_entropy_with_logits(objects, goal[0])
            + 10 * F.binary_cross_entropy_with_logits(painted, goal[1])
            + F.cross_entropy(background, goal[2])
            + F.cross_entropy(style, goal[3])
        )

    return fit("judge", model, loss_of, folder=folder, steps=steps, lr=1e-3)


@torch.no_grad()
def judge(model: nn.Module, images: Iterable[Image.Image]) -> list[Verdict]:
    pixels = torch.from_numpy(np.stack([np.asarray(image.convert("RGB")) for image in images]))
    parts = model(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).split(HEADS, -1)
    ranks = [part.argsort(-1, descending=True).tolist() for part in parts]
    return [
        Verdict(
            objects=tuple(OBJECTS[i] for i in objects),
            painted=tuple(PAINTED[i] for i in painted),
            background=tuple(BACKGROUNDS)[background[0]],
            style=tuple(STYLES)[style[0]],
        )
        for objects, painted, background, style in zip(*ranks, strict=True)
    ]
