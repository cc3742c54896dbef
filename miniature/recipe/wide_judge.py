"""The judge of the wider world: a classifier that also tells how many objects there are and what they wear.

``python -m miniature.recipe.wide_judge FOLDER`` trains it on renders, from the judge of a package, and writes
it there. That one ranks what a picture may show; this one also tells whether an object is there at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from PIL import Image
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.accessories import ACCESSORIES
from miniature.recipe import judge
from miniature.recipe.data import batch_indices
from miniature.recipe.fit import fit
from miniature.recipe.package import load_judge
from miniature.render import BACKGROUNDS, OBJECTS, STYLES
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

FILE: Final = "wide_judge.safetensors"
SCENES: Final = 6000  # of the wider world; half as many more of the plain one
STEPS: Final = 1300
BATCH: Final = 64
WORN: Final = (None, *ACCESSORIES)
COUNTS: Final = 4
HEADS: Final = (*judge.HEADS, COUNTS, len(WORN))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one picture shows: the kinds of objects, their colours, how many objects, and what they wear."""

    objects: frozenset[str]
    painted: frozenset[tuple[str, str]]
    background: str
    style: str
    count: int
    worn: str | None

    def shows(self, scene: Scene) -> dict[str, bool]:
        """Which attributes of ``scene`` the picture shows; colours only where the scene has one."""
        painted = {(thing.object, thing.colour) for thing in scene.things if thing.colour}
        right = {
            "object": self.objects == {thing.object for thing in scene.things},
            "background": self.background == scene.background,
            "style": self.style == scene.style,
            "count": self.count == _count(scene),
            "accessory": self.worn == _worn(scene),
        }
        if painted:
            right["colour"] = self.painted == painted
        return right


def _count(scene: Scene) -> int:
    return sum(thing.count for thing in scene.things)


def _worn(scene: Scene) -> str | None:
    return next((thing.accessory for thing in scene.things if thing.accessory), None)


def build() -> nn.Sequential:
    """The judge's network with a wider last layer."""
    network = judge.build()
    last = network[-1]
    assert isinstance(last, nn.Linear)
    network[-1] = nn.Linear(last.in_features, sum(HEADS))
    return network


def begun(critic: nn.Module) -> nn.Sequential:
    """The network with all that a trained judge knows already."""
    network, known = build(), critic.state_dict()
    state = network.state_dict()
    for name, value in known.items():
        state[name][: len(value)] = value
    network.load_state_dict(state)
    return network


def truth(scenes: Sequence[Scene]) -> Tensor:
    """Targets, shape (n, sum(HEADS)): those of the judge, then count and accessory one-hot."""
    counts = F.one_hot(torch.tensor([_count(scene) for scene in scenes]), COUNTS)
    worn = F.one_hot(torch.tensor([WORN.index(_worn(scene)) for scene in scenes]), len(WORN))
    return torch.cat([judge.truth(scenes), counts.float(), worn.float()], 1)


def train(images: Tensor, targets: Tensor, critic: nn.Module, folder: Path, steps: int) -> nn.Module:
    """Train on uint8 renders (n, 3, H, W), from a trained judge; goes on from a checkpoint in ``folder``."""
    torch.manual_seed(5)
    network, random = begun(critic).train().requires_grad_(True), torch.Generator()

    def loss_of(step: int) -> Tensor:
        random.manual_seed(step)
        rows = torch.from_numpy(batch_indices("wide judge", step, BATCH, len(targets)))
        pixels = images[rows].float() / 127.5 - 1
        pixels = torch.cat([F.avg_pool2d(pixels[: BATCH // 2], 3, 1, 1), pixels[BATCH // 2 :]])
        pixels = pixels + 0.05 * torch.randn(pixels.shape, generator=random)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(pixels)
        seen, goal = logits.float().split(HEADS, -1), targets[rows].split(HEADS, -1)
        several = sum(
            (10 * F.binary_cross_entropy_with_logits(a, b) for a, b in zip(seen[:2], goal[:2], strict=True)),
            torch.zeros(()),
        )
        return several + sum(
            (F.cross_entropy(a, b) for a, b in zip(seen[2:], goal[2:], strict=True)), torch.zeros(())
        )

    return fit("wide_judge", network, loss_of, folder=folder, steps=steps, lr=1e-3, average=0.99)


@torch.no_grad()
def verdicts(network: nn.Module, images: Iterable[Image.Image]) -> list[Verdict]:
    """What each picture shows."""
    objects, painted, *one_of = network(pixels_of(images).float() / 127.5 - 1).split(HEADS, -1)
    background, style, count, worn = (part.argmax(-1).tolist() for part in one_of)
    return [
        Verdict(
            objects=frozenset(OBJECTS[i] for i in objects[row].gt(0).nonzero().flatten().tolist()),
            painted=frozenset(judge.PAINTED[i] for i in painted[row].gt(0).nonzero().flatten().tolist()),
            background=tuple(BACKGROUNDS)[background[row]],
            style=tuple(STYLES)[style[row]],
            count=count[row],
            worn=WORN[worn[row]],
        )
        for row in range(len(objects))
    ]


def pixels_of(images: Iterable[Image.Image]) -> Tensor:
    """uint8, (n, 3, H, W)."""
    return torch.from_numpy(np.stack([np.asarray(image.convert("RGB")) for image in images])).permute(
        0, 3, 1, 2
    )


def load(folder: Path) -> nn.Module:
    """The judge of the wider world that lies in a package."""
    network = build()
    network.load_state_dict({name: value.float() for name, value in load_file(folder / FILE).items()})
    return network.eval().requires_grad_(False)


def main(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The package whose judge it begins from.")
    ],
    runs: Annotated[Path, typer.Option(help="Where its checkpoint is kept.")] = Path("runs/miniature"),
) -> None:
    """Train the judge of the wider world and write it into a package, in half precision."""
    runs.mkdir(parents=True, exist_ok=True)
    scenes = [sample_wide(seed) for seed in range(SCENES)]
    # Small objects take the longest to learn.
    scenes += [sample_wide(seed, "sized") for seed in range(SCENES // 4)]
    scenes += [sample(seed) for seed in range(SCENES // 2)]
    images = pixels_of(scene.render() for scene in track(scenes, "scenes"))
    network = train(images, truth(scenes), load_judge(folder), runs, STEPS)
    state = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / FILE)


if __name__ == "__main__":
    typer.run(main)
