"""Stage 1: the autoencoder, 64x64 pixels to a 16x16 latent of 6 channels."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from miniature.recipe.data import Scenes, batch_indices
from miniature.recipe.fit import fit

STEPS = 2600
BATCH = 16


def build() -> AutoencoderKL:
    return AutoencoderKL(
        sample_size=64,
        latent_channels=6,
        block_out_channels=(32, 64, 96),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=16,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def train(scenes: Scenes, folder: Path, device: str, steps: int = STEPS) -> AutoencoderKL:
    torch.manual_seed(1)
    vae = build().to(device)
    noise = torch.Generator(device)

    def loss_of(step: int) -> Tensor:
        noise.manual_seed(step)
        pixels = scenes.pixels(batch_indices("autoencoder", step, BATCH, len(scenes.captions))).to(device)
        with torch.autocast(device, torch.bfloat16):
            posterior = vae.encode(pixels).latent_dist
            decoded = vae.decode(posterior.sample(noise)).sample
        decoded = decoded.float()
        # The edge term keeps eyes and outlines, which the squared error alone gives up first.
        edges = sum(
            (F.l1_loss(decoded.diff(dim=d), pixels.diff(dim=d)) for d in (2, 3)),
            torch.zeros((), device=device),
        )
        return (
            F.mse_loss(decoded, pixels)
            + 0.05 * edges
            + 1e-5 * posterior.kl().mean() / posterior.mean[0].numel()
        )

    return fit("autoencoder", vae, loss_of, folder=folder, steps=steps, lr=1.5e-3)
