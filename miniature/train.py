"""``python -m miniature.train``: the recipe, from rendered scenes to the folder that ships.

Without ``--budget``, all stages from nothing, each for its number of steps. They keep checkpoints under
``--runs``; with ``--resume`` a stage goes on where it stopped and a finished one is only loaded.

With ``--budget 10m``, the U-Net and the text encoder of a trained package are trained further for that
long, on the wider world of `miniature.wider` too; with ``--resume`` they go on from the checkpoint of the
last such run. At the end the package is measured by its bars.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from miniature import WEIGHTS, evaluate, knows
from miniature.printing import open_console
from miniature.recipe import (
    autoencoder,
    checkpoint,
    clip,
    corpus,
    denoiser,
    further,
    judge,
    package,
    projection,
    samples,
    vocabulary,
)
from miniature.recipe.data import TRAIN_SCENES, training_scenes
from miniature.scenes import sample

_SECONDS = {"s": 1, "m": 60, "h": 3600}
CHECKPOINT = "further.safetensors"


def seconds(text: str) -> int:
    """``90s``, ``10m`` or ``2h``."""
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None or not int(match[1]):
        raise typer.BadParameter(f"{text!r} is not a length of time: write 90s, 10m or 2h")
    return int(match[1]) * _SECONDS[match[2]]


def whole(runs: Path, out: Path, device: str, scenes: int, scale: float) -> None:
    """Every stage from nothing, or from its checkpoint under ``runs``."""
    data = training_scenes(runs, scenes)
    tokenizer = vocabulary.build(data.captions)
    vae = autoencoder.train(data, runs, device, round(scale * autoencoder.STEPS))
    shown = judge.truth(sample(seed) for seed in range(scenes))
    towers = clip.train(data, tokenizer, shown, runs, device, round(scale * clip.STEPS))
    latents = denoiser.encoded(data, vae, towers.text_model, tokenizer, runs, device)
    unet = denoiser.train(latents, runs, device, round(scale * denoiser.STEPS))
    critic = judge.train(data, shown, runs, device, round(scale * judge.STEPS))
    vae.register_to_config(scaling_factor=latents.scaling_factor)
    package.write(out, vae=vae, unet=unet, towers=towers, tokenizer=tokenizer, critic=critic)
    knows.main([str(out)])


def train_further(runs: Path, base: Path, device: str, scenes: int, plan: further.Plan) -> None:
    """Train the package ``base``, or go on from the checkpoint under ``runs``; leaves a checkpoint there."""
    console = open_console()
    tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
    vae = AutoencoderKL.from_pretrained(base / "vae").to(device).eval().requires_grad_(False)
    painter = further.painter_of(base)
    known = corpus.kept(runs, vae, tokenizer, device, scenes)

    def report(step: int, loss: float, averaged: Mapping[str, Tensor]) -> None:
        console.print(f"step {step}, loss {loss:.4f}")
        samples.sheet(painter, averaged, vae, tokenizer).save(runs / f"samples-{step:06d}.png")

    empty = clip.token_ids(tokenizer, [""])[0]
    scale = float(vae.config.scaling_factor)
    further.train(painter, known, empty, scale, plan, runs / CHECKPOINT, report)


def export(runs: Path, base: Path, out: Path) -> None:
    """Write the package ``base`` with the averaged weights of the checkpoint under ``runs``."""
    if not (runs / CHECKPOINT).exists():
        raise typer.BadParameter(f"there is no {CHECKPOINT} in {runs}: train with --budget first")
    painter = further.painter_of(base)
    averaged, _ = checkpoint.restore(runs / CHECKPOINT, painter)
    painter.load_state_dict(averaged)
    package.export(painter.unet, painter.text, base, out)
    projection.write(out)


def main(
    runs: Annotated[Path, typer.Option(help="Where checkpoints and the rendered scenes are kept.")] = Path(
        "runs/miniature"
    ),
    out: Annotated[
        Path | None,
        typer.Option(help="The diffusers folder to write: the weights that ship, or RUNS/package."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    scenes: Annotated[int | None, typer.Option(help="How many scenes to render.")] = None,
    scale: Annotated[
        float, typer.Option(help="Multiplies every stage's steps; below 1 for a rehearsal.")
    ] = 1.0,
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoints under --runs.")] = False,
    budget: Annotated[
        str | None, typer.Option(help="Train the U-Net and text encoder further for 90s, 10m or 2h.")
    ] = None,
    from_weights: Annotated[
        Path, typer.Option(help="With --budget, --export: the package to begin from.")
    ] = WEIGHTS,
    batch: Annotated[int, typer.Option(help="With --budget: scenes in a batch.")] = 32,
    lr: Annotated[float, typer.Option(help="With --budget: the highest learning rate.")] = further.LR,
    every: Annotated[str, typer.Option(help="With --budget: how often to write a checkpoint.")] = "10m",
    measure: Annotated[
        int,
        typer.Option(help="With --budget: held-out captions to measure by at the end, 8 or more; 0: none."),
    ] = 40,
    only_export: Annotated[
        bool, typer.Option("--export", help="Only write the package of the checkpoint that --budget left.")
    ] = False,
) -> None:
    if 0 < measure < 8:
        raise typer.BadParameter("eight captions are the fewest, 0 is none", param_hint="--measure")
    if only_export:
        export(runs, from_weights, out or runs / "package")
    elif budget:
        plan = further.Plan(seconds=seconds(budget), batch=batch, lr=lr, checkpoint_s=seconds(every))
        if not resume:
            (runs / CHECKPOINT).unlink(missing_ok=True)
        train_further(runs, from_weights, device, scenes or corpus.SCENES, plan)
        export(runs, from_weights, out or runs / "package")
        if measure:
            evaluate.report(out or runs / "package", measure)
    else:
        if not resume:
            for kept in (*runs.glob("*.pt"), *runs.glob("latents.safetensors")):
                kept.unlink()
        whole(runs, out or WEIGHTS, device, scenes or TRAIN_SCENES, scale)


if __name__ == "__main__":
    typer.run(main)
