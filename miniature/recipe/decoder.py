"""The autoencoder's decoder trained further by itself, so that latents, and a U-Net trained on them, stay.

``python -m miniature.recipe.decoder FOLDER`` trains that of a package on fresh renders of both worlds, and
writes it there.
"""

import copy
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.recipe.fit import fit
from miniature.scenes import sample
from miniature.wider import sample_wide

STEPS: Final = 4000
BATCH: Final = 16
EDGES: Final = 0.02


def renders(step: int) -> NDArray[np.uint8]:
    """A batch that no other step has, (BATCH, H, W, 3): half of it of the plain world, half of the wider."""
    seeds = range(step * BATCH // 2, (step + 1) * BATCH // 2)
    scenes = [*map(sample, seeds), *map(sample_wide, seeds)]
    return np.stack([np.asarray(scene.render()) for scene in scenes])


def loss_at(step: int, vae: AutoencoderKL, device: str) -> Tensor:
    """The squared error of the decoded pixels and, lightly, of their differences to their neighbours."""
    pixels = torch.from_numpy(renders(step)).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1
    with torch.no_grad():
        latents = vae.encode(pixels).latent_dist.mean
    decoded = vae.decode(latents).sample
    edges = sum(
        (F.l1_loss(decoded.diff(dim=d), pixels.diff(dim=d)) for d in (2, 3)), torch.zeros((), device=device)
    )
    return F.mse_loss(decoded, pixels) + EDGES * edges


def train(vae: AutoencoderKL, folder: Path, device: str, steps: int = STEPS) -> AutoencoderKL:
    """A copy with a decoder trained so many steps further; goes on from a checkpoint in ``folder``."""
    vae = copy.deepcopy(vae).to(device).requires_grad_(False)
    # Without the encoder, so that a checkpoint can bring no other one.
    decoder = nn.ModuleDict({"post_quant_conv": vae.post_quant_conv, "decoder": vae.decoder})
    decoder.train().requires_grad_(True)
    fit("decoder", decoder, lambda step: loss_at(step, vae, device), folder=folder, steps=steps, lr=8e-4)
    return vae.eval()


def main(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The package whose decoder it begins from.")
    ],
    runs: Annotated[Path, typer.Option(help="Where its checkpoint is kept.")] = Path("runs/miniature"),
    steps: Annotated[int, typer.Option(help="For how many steps.")] = STEPS,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint under --runs.")] = False,
) -> None:
    """Train the decoder of a package and write it there."""
    runs.mkdir(parents=True, exist_ok=True)
    if not resume:
        (runs / "decoder.pt").unlink(missing_ok=True)
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    configuration = (folder / "vae" / "config.json").read_text()
    train(vae, runs, device, steps).save_pretrained(folder / "vae")
    (folder / "vae" / "config.json").write_text(configuration)  # a saved one names the folder it came from


if __name__ == "__main__":
    typer.run(main)
