"""How well a preparation holds its picture, measured in the same way whoever prepared it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import torch
from PIL import Image
from torch import Tensor

from benchmarks import plain
from engine import codec
from miniature.pictures import psnr


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """Of the source, sampled freely with guidance: L_rec + L_att, mean over steps, and PSNR in dB."""

    loss: float
    psnr: float


@torch.no_grad()
def fidelity(
    parts: plain.Parts, image: Image.Image, prompt: str, gamma: Tensor, beta: Tensor, guidance_scale: float
) -> Fidelity:
    """Start at z*_N, never look at the trajectory again, and compare with it.

    `gamma` and `beta` (N, tokens, width). The loss is the published one, against the maps of the inversion.
    """
    models, steps = parts.models, len(gamma)
    text, empty = (parts.embed(each) for each in (prompt, ""))
    pivot, seen = plain.invert(parts, image, text, steps)
    latent, losses = pivot[-1:], []
    for index, call in enumerate(models.schedule(steps).denoising()):
        uncond = plain.unconditional(parts, latent, call, empty)

        def to_values(context: Tensor, index: int = index) -> Tensor:
            return context * gamma[index] + beta[index]

        latent, maps = plain.guided(parts, latent, uncond, call, text, to_values, guidance_scale)
        goal = pivot[steps - 1 - index][None]
        losses.append(float(plain.loss_of(latent, goal, maps, plain.target_maps(seen, index))))
    reached = psnr(codec.decode(models, latent)[0], image)
    assert reached is not None
    return Fidelity(loss=fmean(losses), psnr=reached)
