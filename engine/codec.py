"""Pictures to latents and back."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.backbones import Backbone
from engine.errors import EmptyMask, InvalidImage, InvalidParameter, check_finite, out_of_memory
from engine.vision import normalisation
from pictures import (
    STORED_PIXELS,
    Fit,
    InvalidPicture,
    cropped,
    mask_seen,
    opened,
    reshape,
    upright_srgb,
)


def fit(model: Backbone, image: Image.Image, how: Fit | None = None) -> Image.Image:
    """The working picture: RGB, its short side of the model's size, cropped at the centre to whole strides.

    It is upright and in sRGB as `pictures.upright_srgb` makes it, and one longer than 2:1 is made to fit.

    Raises:
        InvalidImage: its pixels cannot be read, or it is longer than 2:1 and nothing says how to fit it.
    """
    try:
        picture = reshape(upright_srgb(image)[0], how, STORED_PIXELS)
    except InvalidPicture as error:
        raise InvalidImage(str(error)) from error
    short, stride = model.spec.size, model.stride
    return cropped(picture, short=short, stride=stride, how=Image.Resampling.LANCZOS)


def fit_mask(model: Backbone, mask: Image.Image, size: tuple[int, int]) -> Tensor:
    """A mask (H, W) for a working picture of (width, height) `size`, true where it is open.

    It is cut and scaled as the picture was, so it may be of any size in the proportions of what was inverted.
    Lighter than mid-grey is open, what is transparent is not; a pixel is open if half of it is.

    Raises:
        InvalidImage: its pixels cannot be read.
        InvalidParameter: it has other proportions.
        EmptyMask: no pixel of the working picture is open.
    """
    try:
        grey = upright_srgb(mask, over="black")[0].convert("L")
    except InvalidPicture as error:
        raise InvalidImage(f"mask: {error}") from error
    fitted = mask_seen(opened(grey), short=model.spec.size, stride=model.stride)
    if fitted.size != size:
        expected = f"a picture in the proportions of the image, {size[0]}:{size[1]}"
        raise InvalidParameter("mask", f"{mask.width}x{mask.height}", expected)
    found = torch.from_numpy(np.array(fitted)) > 0
    if not found.any():
        raise EmptyMask(
            f"no pixel of the {size[0]}x{size[1]} picture that the model sees is white in it; "
            "paint more of it white"
        )
    return found


@torch.no_grad()
def encode(model: Backbone, image: Image.Image) -> Tensor:
    """A working picture as a latent (1, C, h, w) in float32: the posterior's mean, shifted and scaled."""
    pixels = torch.from_numpy(np.array(image)).to(model.device)
    x = (pixels.permute(2, 0, 1)[None] / 127.5 - 1).to(model.vae.dtype)
    mean: Tensor = _in_tiles_if_need_be(model.vae, lambda: model.vae.encode(x).latent_dist.mean, x.shape[-1])
    shift, scale = _affine(model)
    return (mean.float() - shift) * scale


@torch.no_grad()
def decode(model: Backbone, latents: Tensor) -> tuple[Image.Image, ...]:
    """Latents (n, C, h, w) as pictures, one by one, so that no picture depends on its company."""
    return tuple(decode_one(model, latent) for latent in latents)


@torch.no_grad()
def decode_one(model: Backbone, latent: Tensor) -> Image.Image:
    """A latent (C, h, w) as a picture; raises `NumericalError`.

    What overflows in float16 is decoded again in float32, what does not fit into memory in tiles.
    """
    shift, scale = _affine(model)
    z = (latent[None] / scale + shift).to(model.vae.dtype)
    vae, side = model.vae, z.shape[-1] * model.vae_factor
    x = _in_tiles_if_need_be(vae, lambda: vae.decode(z).sample, side)
    if vae.dtype == torch.float16 and not torch.isfinite(x).all():
        exact = deepcopy(vae).float()
        x = _in_tiles_if_need_be(exact, lambda: exact.decode(z.float()).sample, side)
    x = check_finite(x[0].float(), "decode", 0)
    pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())


@torch.no_grad()
def vision_features(model: Backbone, image: Image.Image) -> Tensor:
    """The vision tower's tokens of a working picture, (1, vision tokens, width) in float32.

    They are those of the last layer after the tower's final norm, which transformers applies to the first
    token alone. The whole picture is squeezed into the tower's square, so that none of it is cropped away.

    Raises:
        UnknownModel: the model has no vision tower.
    """
    tower = model.vision
    usual = normalisation(model.spec.name, model.folder)
    mean, std = (torch.tensor(one, device=model.device).view(3, 1, 1) for one in usual)
    pixels = torch.from_numpy(np.array(image)).to(model.device).permute(2, 0, 1)[None] / 255
    side = tower.config.image_size
    if pixels.shape[-2:] != (side, side):
        pixels = F.interpolate(pixels, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    tokens: Tensor = tower.post_layernorm(tower((pixels - mean) / std).last_hidden_state)
    return tokens


def _in_tiles_if_need_be(vae: Any, run: Callable[[], Tensor], side: int) -> Tensor:
    """The output of an autoencoder; in overlapping tiles of half the side if memory runs out."""
    try:
        return run()
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    before = vae.tile_sample_min_size, vae.tile_latent_min_size
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    vae.tile_latent_min_size = max(side // factor // 2, 8)
    vae.tile_sample_min_size = vae.tile_latent_min_size * factor
    vae.enable_tiling()
    try:
        return run()
    finally:
        vae.disable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = before


def _affine(model: Backbone) -> tuple[Tensor, Tensor]:
    """The shift and the scale of latents, (C, 1, 1) or, in all channels alike, (1, 1, 1)."""
    config = model.vae.config
    if config.latents_mean is None or config.latents_std is None:
        shift, scale = [config.shift_factor or 0.0], [config.scaling_factor]
    else:
        shift, scale = config.latents_mean, [config.scaling_factor / std for std in config.latents_std]
    return (
        torch.tensor(shift, device=model.device).view(-1, 1, 1),
        torch.tensor(scale, device=model.device).view(-1, 1, 1),
    )
