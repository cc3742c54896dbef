"""What each part of the recipe of further training is worth: short runs that differ in one part.

``python -m miniature.recipe.ablation FOLDER`` trains the package from the same weights on the same batches,
once by the recipe and once without each of its parts, and measures all on the same held-out scenes and noise.
What two more runs of the recipe differ by, on other batches, is chance.
"""

import json as json_module
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Final

import torch
import typer
from diffusers import AutoencoderKL
from PIL import Image
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from transformers import CLIPTokenizer

from miniature import WEIGHTS
from miniature.intervals import bootstrapped
from miniature.printing import open_console
from miniature.recipe import corpus, further, samples, wide_judge
from miniature.recipe.clip import token_ids
from miniature.recipe.data import HELD_OUT
from miniature.recipe.denoiser import WORDS_ONLY, scheduler
from miniature.scenes import Scene, sample
from miniature.wider import sample_wide

_AT_ONCE: Final = 64
_EARLY: Final = 500  # timesteps from here on decide what is painted, those before how finely


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One run: the recipe, and what of it is done otherwise."""

    recipe: further.Recipe = field(default_factory=further.Recipe)
    tail: float = further.TAIL
    averaged: bool = True
    frozen_text: bool = False
    draw: int = 0


VARIANTS: Final[Mapping[str, Variant]] = {
    "the recipe": Variant(),
    "the recipe, other rows and noise": Variant(draw=1),
    "the recipe, others again": Variant(draw=2),
    "no min-SNR weights": Variant(recipe=further.Recipe(min_snr=float("inf"))),
    "no moving average": Variant(averaged=False),
    "no cosine tail": Variant(tail=0.0),
    "neither average nor tail": Variant(tail=0.0, averaged=False),
    "words only in 60 %": Variant(recipe=further.Recipe(words_only=WORDS_ONLY)),
    "no empty prompts": Variant(recipe=further.Recipe(unconditional=0.0)),
    "no attention loss": Variant(recipe=further.Recipe(localise=0.0)),
    "text encoder frozen": Variant(frozen_text=True),
}


@dataclass(frozen=True, kw_only=True)
class Ruler:
    """Held-out scenes of both worlds, as latents for the errors and as prompts for the pictures."""

    scenes: tuple[Scene, ...]
    known: corpus.Corpus
    vae: AutoencoderKL
    tokenizer: CLIPTokenizer
    judge: nn.Module

    @property
    def scale(self) -> float:
        return float(self.vae.config.scaling_factor)


def ruler(folder: Path, scenes: int) -> Ruler:
    """So many held-out scenes of each world, measured with the parts of a package and its wider judge."""
    drawn = [(sample(seed), False) for seed in range(HELD_OUT, HELD_OUT + scenes)]
    drawn += [(sample_wide(seed), True) for seed in range(HELD_OUT, HELD_OUT + scenes)]
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval().requires_grad_(False)
    return Ruler(
        scenes=tuple(scene for scene, _ in drawn),
        known=corpus.make(drawn, vae, tokenizer, "cpu"),
        vae=vae,
        tokenizer=tokenizer,
        judge=wide_judge.load(WEIGHTS),
    )


def train(
    painter: further.Painter,
    variant: Variant,
    known: corpus.Corpus,
    empty: Tensor,
    scale: float,
    steps: int,
    batch: int,
) -> None:
    """Train so many steps; the painter is left with the weights that the variant would ship."""
    painter.text.requires_grad_(not variant.frozen_text)
    training = further.Training(painter, known, empty, scale, batch, variant.recipe, variant.draw)
    for step in track(range(steps), "training"):
        training.step(step, further.LR * further.rate(step, step / steps, variant.tail))
    if variant.averaged:
        painter.load_state_dict(training.averaged)
    painter.eval()


@torch.no_grad()
def errors(painter: further.Painter, held: Ruler, timesteps: range, draws: int = 2) -> tuple[Tensor, Tensor]:
    """The squared error of the predicted noise, and the share of attention on its object, for each scene.

    ``draws`` noises and timesteps of each; those of some scenes together are spread evenly over the range.
    The share is NaN for scenes that show nothing their caption names.
    """
    random = torch.Generator().manual_seed(0)
    alphas = scheduler().alphas_cumprod
    total, shares = torch.zeros(2, len(held.scenes))
    for _ in range(draws):
        for rows in torch.arange(len(held.scenes)).split(_AT_ONCE):
            place = torch.randperm(len(rows), generator=random) + torch.rand(len(rows), generator=random)
            t = timesteps.start + (place * len(timesteps) / len(rows)).long()
            clean = held.scale * held.known.mean[rows].float()
            noise = torch.randn(clean.shape, generator=random)
            a = alphas[t][:, None, None, None]
            text = painter.embeddings(held.known.ids[rows, 0].long())
            predicted, maps = painter(a.sqrt() * clean + (1 - a).sqrt() * noise, t, text)
            total[rows] += (predicted - noise).square().mean((1, 2, 3)) / draws
            shares[rows] += on_object(maps, held.known.spoken[rows, 0], held.known.covered[rows]) / draws
    return total, shares


def on_object(maps: Sequence[Tensor], spoken: Tensor, covered: Tensor) -> Tensor:
    """The share of the words' attention that is on their objects, (n,); NaN where none is named and seen."""
    n = len(spoken)
    mean = torch.stack([probs.unflatten(0, (n, -1)).mean(1) for probs in maps]).mean(0)
    looks = spoken.float() @ mean.transpose(1, 2)  # (n, 2, places)
    share = (looks * covered.flatten(2)).sum(-1) / looks.sum(-1)
    return share.masked_fill(~covered.flatten(2).any(-1), torch.nan).nanmean(-1)


def painted(painter: further.Painter, held: Ruler) -> Mapping[str, Tensor]:
    """1 for each scene whose picture, painted from its caption, shows the attribute; NaN if it has none."""
    shown: dict[str, Tensor] = {}
    for start in range(0, len(held.scenes), _AT_ONCE):
        some = held.scenes[start : start + _AT_ONCE]
        prompts = tuple(scene.caption for scene in some)
        with torch.no_grad():
            pixels = samples.paint(painter, held.vae, held.tokenizer, prompts)
        images = [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pixels]
        for row, (verdict, scene) in enumerate(
            zip(wide_judge.verdicts(held.judge, images), some, strict=True), start
        ):
            for attribute, right in verdict.shows(scene).items():
                shown.setdefault(attribute, torch.full((len(held.scenes),), torch.nan))[row] = float(right)
    return shown


def measure(painter: further.Painter, held: Ruler) -> dict[str, Tensor]:
    """The figures by name, a value for each held-out scene: errors in thousandths, the others in percent."""
    wide = held.known.wide
    early, attention = errors(painter, held, range(_EARLY, 1000))
    late, _ = errors(painter, held, range(_EARLY))
    return {
        "error, wide scenes, early": 1000 * early[wide],
        "error, wide scenes, late": 1000 * late[wide],
        "error, plain scenes, early": 1000 * early[~wide],
        "error, plain scenes, late": 1000 * late[~wide],
        "attention on its object": 100 * attention,
        **{f"painted: {attribute}": 100 * shown for attribute, shown in painted(painter, held).items()},
    }


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One figure of one variant, and its difference to the recipe's over the same scenes."""

    variant: str
    figure: str
    scenes: int
    value: float
    difference: float
    low: float
    high: float


def effect(variant: str, figure: str, base: Tensor, other: Tensor) -> Effect:
    """A paired difference with its 95 % bootstrap interval; scenes without the figure (NaN) are left out."""
    pairs = (other - base)[~base.isnan() & ~other.isnan()].double().numpy()
    mean, low, high = bootstrapped(pairs)
    return Effect(
        variant=variant,
        figure=figure,
        scenes=len(pairs),
        value=float(other.nanmean()),
        difference=mean,
        low=low,
        high=high,
    )


def table(found: Sequence[Effect]) -> Table:
    """One row a figure and variant."""
    result = Table("run", "figure", "scenes", "value", "difference", "95 %", title="parts of the recipe")
    for row in found:
        interval = f"{row.low:+.2f} to {row.high:+.2f}"
        result.add_row(
            row.variant, row.figure, str(row.scenes), f"{row.value:.2f}", f"{row.difference:+.2f}", interval
        )
    return result


def main(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The package that every run begins from.")
    ],
    runs: Annotated[Path, typer.Option(help="Where the training set is kept.")] = Path("runs/miniature"),
    scenes: Annotated[int, typer.Option(help="Scenes of the wider world to train on.")] = corpus.SCENES,
    steps: Annotated[int, typer.Option(help="Steps of every run.")] = 400,
    batch: Annotated[int, typer.Option(help="Scenes in a batch.")] = 16,
    held: Annotated[int, typer.Option(help="Held-out scenes of each world.")] = 128,
    only: Annotated[list[str] | None, typer.Option(help="Only these runs; the recipe is always one.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the figures here.")] = None,
) -> None:
    """Train and measure every variant; prints one table."""
    if unknown := set(only or ()) - set(VARIANTS):
        raise typer.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    measuring = ruler(folder, held)
    known = corpus.kept(runs, measuring.vae, measuring.tokenizer, "cpu", scenes)
    empty = token_ids(measuring.tokenizer, [""])[0]
    chosen = [name for name in VARIANTS if not only or name in only or VARIANTS[name] == Variant()]
    found: list[Effect] = []
    base: dict[str, Tensor] = {}
    for name in chosen:
        painter = further.painter_of(folder)
        train(painter, VARIANTS[name], known, empty, measuring.scale, steps, batch)
        measured = measure(painter, measuring)
        base = base or measured
        found += [effect(name, figure, base[figure], measured[figure]) for figure in measured]
        if json:  # after every run, since all of them take a while
            json.write_text(json_module.dumps([asdict(row) for row in found], indent=2) + "\n")
    open_console().print(table(found))


if __name__ == "__main__":
    typer.run(main)
