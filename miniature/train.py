"""``python -m miniature.train``: the whole recipe, from rendered scenes to the folder that ships.

Stages run in order and keep checkpoints under ``--runs``; with ``--resume`` a stage goes on where it stopped
and a finished one is only loaded. The same command trains on a GPU.
"""

from pathlib import Path
from typing import Annotated

import typer

from miniature import WEIGHTS
from miniature.recipe import autoencoder, clip, denoiser, judge, package, vocabulary
from miniature.recipe.data import TRAIN_SCENES, training_scenes
from miniature.scenes import sample


def main(
    runs: Annotated[Path, typer.Option(help="Where checkpoints and the rendered scenes are kept.")] = Path(
        "runs/miniature"
    ),
    out: Annotated[Path, typer.Option(help="The diffusers folder to write.")] = WEIGHTS,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    scenes: Annotated[int, typer.Option(help="How many scenes to render.")] = TRAIN_SCENES,
    scale: Annotated[
        float, typer.Option(help="Multiplies every stage's steps; below 1 for a rehearsal.")
    ] = 1.0,
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoints under --runs.")] = False,
) -> None:
    if not resume:
        for kept in (*runs.glob("*.pt"), *runs.glob("latents.safetensors")):
            kept.unlink()
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


if __name__ == "__main__":
    typer.run(main)
