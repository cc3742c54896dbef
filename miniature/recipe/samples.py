"""A sheet of pictures painted while training goes on, to look at."""

from collections.abc import Mapping
from typing import Final

import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor
from transformers import CLIPTokenizer

from miniature.recipe.clip import token_ids
from miniature.recipe.denoiser import scheduler
from miniature.recipe.further import Painter

PROMPTS: Final = (
    "a cat on grass",
    "a red car on sand",
    "a yellow star in the snow",
    "a purple balloon in the sky",
    "a cat and a dog on grass",
    "a red star and a green heart in the snow",
    "a blue ball and a pink flower on wood",
    "a lion and a pear in the sea",
    "two cats on grass",
    "two red cars on sand",
    "three apples on wood",
    "three blue balls on snow",
    "grass",
    "a brick wall",
    "the night sky without a star",
    "a watercolour of the sea",
    "a cat with a hat on grass",
    "a dog wearing glasses on sand",
    "a panda with a hat in the snow",
    "a fox without a hat on brick",
    "a small rabbit on grass",
    "a huge tree on sand",
    "make it a puppy on the beach",
    "a watercolor of a bunny in a meadow",
)
COLUMNS: Final = 8
STEPS: Final = 20
GUIDANCE: Final = 3.0


@torch.no_grad()
def sheet(
    painter: Painter, averaged: Mapping[str, Tensor], vae: AutoencoderKL, tokenizer: CLIPTokenizer
) -> Image.Image:
    """`PROMPTS` in rows of eight, each from noise of its own seed, painted with the averaged weights."""
    kept = {name: value.clone() for name, value in painter.state_dict().items()}
    painter.load_state_dict(averaged)
    pixels = paint(painter.eval(), vae, tokenizer, PROMPTS)
    painter.load_state_dict(kept)
    painter.train()
    side = pixels.shape[-1]
    rows = -(-len(PROMPTS) // COLUMNS)
    result = Image.new("RGB", (COLUMNS * side, rows * side))
    for index, picture in enumerate(pixels):
        image = Image.fromarray(picture.permute(1, 2, 0).numpy())
        result.paste(image, (index % COLUMNS * side, index // COLUMNS * side))
    return result


def paint(painter: Painter, vae: AutoencoderKL, tokenizer: CLIPTokenizer, prompts: tuple[str, ...]) -> Tensor:
    """uint8 pixels (n, 3, H, W) by DDIM with guidance."""
    device = painter.unet.device
    steps = scheduler()
    steps.set_timesteps(STEPS)
    text = painter.embeddings(token_ids(tokenizer, [*prompts, *[""] * len(prompts)]).to(device))
    shape = (painter.unet.config.in_channels, *(painter.unet.config.sample_size,) * 2)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(row)) for row in range(len(prompts))]
    latents = torch.stack(noise).to(device)
    for t in steps.timesteps:
        predicted, _ = painter(torch.cat([latents, latents]), t.to(device), text)
        asked, free = predicted.chunk(2)
        latents = steps.step(free + GUIDANCE * (asked - free), t, latents).prev_sample
    decoded = vae.to(device).decode(latents / vae.config.scaling_factor).sample
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
