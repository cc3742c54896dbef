"""Noise levels x = a x0 + s eps, and the one move between two of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Held = Literal["noise", "velocity"]
Prediction = Literal["epsilon", "v_prediction", "sample", "velocity"]

_NEARLY_PURE_NOISE = 2.0**-6


class Level(NamedTuple):
    """A noise level: x = a x0 + s eps, shown to the network as `timestep`.

    `holds` is what a step between levels keeps constant: the noise eps of a variance-preserving process
    (a = sqrt(alpha_bar), s = sqrt(1 - alpha_bar)), or the velocity u = eps - x0 of a rectified flow
    (a = 1 - sigma, s = sigma). A prediction of that quantity is called *held*.
    """

    timestep: float
    a: float
    s: float
    holds: Held = "noise"


class Call(NamedTuple):
    """One call of the denoiser: x stands `at` a level and moves `to` another.

    The network is `shown` the timestep of a third, at which its output is read as well: the level x stands
    at when denoising, the level it goes to when inverting.
    """

    shown: Level
    at: Level
    to: Level


def held(output: Tensor, x: Tensor, level: Level, prediction: Prediction) -> Tensor:
    """The held quantity that a network's output for its input x means, at the level whose timestep it saw.

    In float64 where next to nothing of x0 is left in x, since x0 = (x - s eps) / a loses as many digits as a
    is small.
    """
    if level.holds == "velocity":
        if prediction != "velocity":
            raise ValueError(f"a flow predicts velocities, not {prediction}")
        return output
    if level.a < _NEARLY_PURE_NOISE and prediction != "epsilon":
        output, x = output.double(), x.double()
    match prediction:
        case "epsilon":
            return output
        case "v_prediction":
            return level.a * output + level.s * x
        case "sample":
            return (x - level.a * output) / level.s
    raise ValueError(f"a variance-preserving process does not predict {prediction}")


def parts(x: Tensor, held: Tensor, at: Level) -> tuple[Tensor, Tensor]:
    """x0 and eps of x at its own level, from the quantity held there."""
    if at.holds == "velocity":
        return x - at.s * held, x + at.a * held
    return (x - at.s * held) / at.a, held


def clean(x: Tensor, held: Tensor, at: Level) -> Tensor:
    """x0: x without the noise in it."""
    return parts(x, held, at)[0].to(x.dtype)


def move(
    x: Tensor, held: Tensor, at: Level, to: Level, std: float = 0.0, noise: Tensor | None = None
) -> Tensor:
    """Carry x from one level to another: x' = a' x0 + sqrt(s'^2 - std^2) eps + std noise.

    With std 0 this is the DDIM step and its inversion (Song et al. 2021, https://arxiv.org/abs/2010.02502,
    equation 12), for flows Euler's; with `posterior_std` the DDPM step, with `full_std` fresh noise.
    """
    x0, eps = parts(x, held, at)
    moved = to.a * x0 + max(to.s**2 - std**2, 0.0) ** 0.5 * eps
    return (moved if noise is None else moved + std * noise).to(x.dtype)


def posterior_std(at: Level, to: Level, eta: float = 1.0) -> float:
    """The standard deviation of a DDPM step down from a level to a cleaner one (Song et al. 2021, eq. 16)."""
    ratio = at.a * to.s / (to.a * at.s)
    return eta * to.s * max(1 - ratio**2, 0.0) ** 0.5


def full_std(to: Level) -> float:
    """The standard deviation that replaces all noise of the level moved to."""
    return to.s


def noised(x0: Tensor, noise: Tensor, to: Level) -> Tensor:
    """x0 with that much noise: a x0 + s noise."""
    return to.a * x0 + to.s * noise


def seeded_noise(shape: tuple[int, ...], seed: int, device: torch.device) -> Tensor:
    """Standard normal noise in float32, the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
