"""Preparing a picture: its trajectory, and a trained M_t for every step."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.plain.attention import OnMap, ToValues, plainly
from benchmarks.plain.mapping import Mapping
from benchmarks.plain.parts import Parts
from engine import codec
from engine.attention import Site
from engine.noise import Call, held, move

Maps = dict[str, Tensor]
"""Attention probabilities (heads, queries, keys) by the layer's name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What was made of a picture: `trajectory` (N+1, C, h, w), one mapping per step, and what that took."""

    trajectory: Tensor
    mappings: tuple[Mapping, ...]
    iterations: tuple[int, ...]
    losses: tuple[float, ...]


def inner_steps(index: int) -> int:
    """The most inner steps there are at a step: ceil(100 exp(-0.1 i))."""
    return math.ceil(100 * math.exp(-0.1 * index))


def tolerance(index: int) -> float:
    """The loss at which a step's training ends early: 1e-5 + 2e-5 i."""
    return 1e-5 + 2e-5 * index


def learning_rate(index: int) -> float:
    """1e-2 (1 - i / 100)."""
    return 1e-2 * (1 - index / 100)


def predict(parts: Parts, x: Tensor, call: Call, text: Tensor) -> Tensor:
    """The noise that the U-Net sees in x (rows, C, h, w), at a call's timestep."""
    output: Tensor = parts.unet(x, call.shown.timestep, encoder_hidden_states=text).sample
    return held(output, x, call.shown, parts.models.scheduler.config.prediction_type)


@torch.no_grad()
def invert(parts: Parts, image: Image.Image, text: Tensor, steps: int) -> tuple[Tensor, list[Maps]]:
    """DDIM inversion unguided: z_0 to z_N, and the maps that were seen at each of them but the last."""
    latent = codec.encode(parts.models, image)
    levels, seen = [latent], []
    for call in parts.models.schedule(steps).inversion():
        maps: Maps = {}
        with plainly(parts.unet, on_map=keep(parts, maps)):
            eps = predict(parts, latent, call, text)
        latent = move(latent, eps, call.at, call.to)
        levels.append(latent)
        seen.append(maps)
    return torch.cat(levels), seen


def target_maps(seen: list[Maps], index: int) -> Maps:
    """A*_i: the maps seen at the latent where step i starts; of z_N nothing was asked, so z_(N-1) serves."""
    return seen[min(len(seen) - index, len(seen) - 1)]


def prepare(
    parts: Parts, image: Image.Image, prompt: str, *, steps: int, guidance_scale: float, seed: int = 0
) -> Prepared:
    """Train M_0 .. M_(N-1), each from where the one before it ended.

    L = MSE(step(eps_u + w (eps_c - eps_u)), z*_(N-1-i)) + sum over layers of MSE(A*, A).
    """
    text, empty = (parts.embed(each) for each in (prompt, ""))
    pivot, seen = invert(parts, image, text, steps)
    pixels = parts.pixels(image)
    torch.manual_seed(seed)
    mapping = Mapping(parts.image_tokens, text.shape[1])

    def to_values(context: Tensor) -> Tensor:
        gamma, beta = mapping(parts.features(pixels))
        return context * gamma + beta

    latent, mappings, iterations, losses = pivot[-1:], [], [], []
    for index, call in enumerate(parts.models.schedule(steps).denoising()):
        uncond = unconditional(parts, latent, call, empty)
        optimiser = torch.optim.Adam(mapping.parameters(), lr=learning_rate(index))
        done, most = 0, inner_steps(index)
        while done < most:
            moved, maps = guided(parts, latent, uncond, call, text, to_values, guidance_scale)
            loss = loss_of(moved, pivot[steps - 1 - index][None], maps, target_maps(seen, index))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            done += 1
            if loss.item() < tolerance(index):
                break
        uncond = unconditional(parts, latent, call, empty)
        with torch.no_grad():
            latent, _ = guided(parts, latent, uncond, call, text, to_values, guidance_scale)
        mappings.append(copy.deepcopy(mapping))
        iterations.append(done)
        losses.append(loss.item())
    parts.unet.zero_grad()
    parts.vision.zero_grad()
    return Prepared(
        trajectory=pivot, mappings=tuple(mappings), iterations=tuple(iterations), losses=tuple(losses)
    )


@torch.no_grad()
def learned(parts: Parts, image: Image.Image, prepared: Prepared) -> tuple[Tensor, Tensor]:
    """gamma and beta of every step, (N, tokens, width) each: for one picture they are constants."""
    features = parts.features(parts.pixels(image))
    pairs = [mapping(features) for mapping in prepared.mappings]
    return torch.cat([gamma for gamma, _ in pairs]), torch.cat([beta for _, beta in pairs])


@torch.no_grad()
def unconditional(parts: Parts, latent: Tensor, call: Call, empty: Tensor) -> Tensor:
    """The noise seen under the empty prompt."""
    with plainly(parts.unet):
        return predict(parts, latent, call, empty)


def guided(
    parts: Parts,
    latent: Tensor,
    uncond: Tensor,
    call: Call,
    text: Tensor,
    to_values: ToValues,
    guidance_scale: float,
) -> tuple[Tensor, Maps]:
    """One guided step with other values in the conditional branch, and the maps seen in it."""
    maps: Maps = {}
    with plainly(parts.unet, on_map=keep(parts, maps), to_values=to_values):
        cond = predict(parts, latent, call, text)
    eps = uncond + guidance_scale * (cond - uncond)
    return move(latent, eps, call.at, call.to), maps


def loss_of(moved: Tensor, goal: Tensor, maps: Maps, goals: Maps) -> Tensor:
    """L_rec + L_att."""
    return (
        F.mse_loss(moved, goal)
        + torch.stack([F.mse_loss(maps[name], wanted) for name, wanted in goals.items()]).sum()
    )


def keep(parts: Parts, maps: Maps) -> OnMap:
    """Lets the maps be as they are, and keeps the first row of those that are compared."""

    def on_map(site: Site, probs: Tensor) -> Tensor:
        if site.name in parts.looked_at:
            maps[site.name] = probs[0]
        return probs

    return on_map
