"""One pass through every part of a model at the smallest size, so that what does not run is found at load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.errors import NumericalError, UnknownModel, check_finite
from engine.pretrained import readable

_PROMPT = "a photo"


def probe(model: Backbone) -> None:
    """Run text encoders, autoencoder and denoiser once, and the denoiser's backward pass.

    Raises:
        UnknownModel: a part does not run, or overflows in the model's dtype; says which.
    """
    # Of one stride the coarsest level has a single place, and a norm of one value is an error.
    pixels_side = 2 * model.stride
    side = pixels_side // model.vae_factor
    with _part(model, "text encoder"):
        text = model.read(_PROMPT, (side, side))
        check_finite(text.context, "text encoder", 0)
    with _part(model, "autoencoder"), torch.no_grad():
        pixels = torch.zeros(1, 3, pixels_side, pixels_side, device=model.device, dtype=model.vae.dtype)
        latent = model.vae.encode(pixels).latent_dist.mean
        check_finite(latent, "autoencoder", 0)
        decoded = model.vae.decode(latent).sample
        if decoded.shape != pixels.shape:
            raise ValueError(f"a picture of {tuple(pixels.shape)} comes back as {tuple(decoded.shape)}")
        if decoded.dtype != torch.float16:  # what overflows in that is decoded again in float32
            check_finite(decoded, "autoencoder", 0)
    with _part(model, "denoiser"):
        context = text.context.detach().float().requires_grad_()
        held = model.predict(
            torch.zeros_like(latent, dtype=torch.float32),
            model.schedule(1, (side, side)).levels[-1],
            replace(text, context=context.to(model.dtype)),
        )
        check_finite(held.detach(), "denoiser", 0)
        _backward(held, context)


def _backward(held: Tensor, context: Tensor) -> None:
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(held.square().sum(), context, allow_unused=True)
    if gradient is None:
        raise ValueError("its prediction does not depend on the prompt")


@contextmanager
def _part(model: Backbone, part: str) -> Iterator[None]:
    try:
        with readable(model.spec.name, f"its {part} does not run, as its files do not fit together"):
            yield
    except NumericalError as error:
        reason = f"overflows in {model.dtype_name}: use float32, or bfloat16 on newer GPUs"
        if model.dtype == torch.float32:
            reason = "gives NaN or infinite numbers, so its weights are damaged: get them anew"
        raise UnknownModel(model.spec.name, f"its {part} {reason}") from error
