"""``python -m miniature.train``: the recipe, from rendered scenes to the folder that ships.

Without ``--budget``, all stages from nothing, each for its number of steps. They keep checkpoints under
``--runs``; with ``--resume`` a stage goes on where it stopped and a finished one is only loaded.

With ``--budget 10m``, the U-Net and the text encoder of a trained package are trained further for that
long, on the wider world of `miniature.wider` too; with ``--resume`` they go on from the checkpoint of the
last such run.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from miniature import WEIGHTS, knows
from miniature.printing import open_console
from miniature.recipe import (
    autoencoder,
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


def train_further(runs: Path, base: Path, out: Path, device: str, scenes: int, plan: further.Plan) -> None:
    """The U-Net and the text encoder of the package ``base``, or of the checkpoint under ``runs``."""
    console = open_console()
    tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
    vae = AutoencoderKL.from_pretrained(base / "vae").to(device).eval().requires_grad_(False)
    # Unfused attention is the faster one on a processor at this size; see docs/adr/0002.
    text = CLIPTextModel.from_pretrained(base / "text_encoder", attn_implementation="eager")
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
    painter = further.Painter(unet, text)
    known = corpus.kept(runs, vae, tokenizer, device, scenes)

    def report(step: int, loss: float, averaged: Mapping[str, Tensor]) -> None:
        console.print(f"step {step}, loss {loss:.4f}")
        samples.sheet(painter, averaged, vae, tokenizer).save(runs / f"samples-{step:06d}.png")

    empty = clip.token_ids(tokenizer, [""])[0]
    scale = float(vae.config.scaling_factor)
    further.train(painter, known, empty, scale, plan, runs / CHECKPOINT, report)
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
    from_weights: Annotated[Path, typer.Option(help="With --budget: the package to begin from.")] = WEIGHTS,
    batch: Annotated[int, typer.Option(help="With --budget: scenes in a batch.")] = 32,
    lr: Annotated[float, typer.Option(help="With --budget: the highest learning rate.")] = 1e-4,
    checkpoint: Annotated[str, typer.Option(help="With --budget: how often to write one.")] = "10m",
) -> None:
    plan = None
    if budget:
        plan = further.Plan(seconds=seconds(budget), batch=batch, lr=lr, checkpoint_s=seconds(checkpoint))
    if not resume:
        for kept in (runs / CHECKPOINT,) if plan else (*runs.glob("*.pt"), runs / "latents.safetensors"):
            kept.unlink(missing_ok=True)
    if plan:
        folder = out or runs / "package"
        train_further(runs, from_weights, folder, device, scenes or corpus.SCENES, plan)
    else:
        whole(runs, out or WEIGHTS, device, scenes or TRAIN_SCENES, scale)


if __name__ == "__main__":
    typer.run(main)
