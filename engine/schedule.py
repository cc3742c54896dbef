"""Noise levels, and the one move between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor

from engine.errors import InvalidParameter

Prediction = Literal["epsilon", "v_prediction", "sample"]

_SMALLEST_ALPHA = 2.0**-24


class Move(NamedTuple):
    """One step between two noise levels; the denoiser is asked at `timestep`."""

    timestep: int
    alpha: float
    alpha_to: float


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The N+1 noise levels of a run, level 0 being the clean one.

    `alphas[k]` is the cumulative alpha of level k; `timesteps[k - 1]` is what the denoiser is told there.
    """

    timesteps: tuple[int, ...]
    alphas: tuple[float, ...]
    prediction: Prediction

    def __len__(self) -> int:
        return len(self.timesteps)

    def denoising(self) -> Iterator[Move]:
        """The moves from level N down to level 0."""
        for level in range(len(self), 0, -1):
            yield Move(self.timesteps[level - 1], self.alphas[level], self.alphas[level - 1])

    def inversion(self) -> Iterator[Move]:
        """The moves from level 0 up to level N, each asked at the timestep of the level it goes *to*."""
        for level in range(len(self)):
            yield Move(self.timesteps[level], self.alphas[level], self.alphas[level + 1])

    @classmethod
    def of(cls, scheduler: Any, steps: int) -> Schedule:
        """The levels that a diffusers `DDIMScheduler` would visit in so many steps; it is only read.

        Raises:
            InvalidParameter: `steps` is not within 1 and the training steps.
            ValueError: the scheduler's own settings are none that this engine knows.
        """
        config = scheduler.config
        _check(config)
        trained = int(config.num_train_timesteps)
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= trained:
            raise InvalidParameter("steps", steps, f"a whole number from 1 to {trained}")
        timesteps = [
            min(max(timestep, 0), trained - 1)
            for timestep in _grid(config.timestep_spacing, trained, steps, config.steps_offset)
        ]
        cumulative = [scheduler.final_alpha_cumprod, *scheduler.alphas_cumprod[timesteps]]
        return cls(
            timesteps=tuple(timesteps),
            alphas=tuple(max(float(alpha), _SMALLEST_ALPHA) for alpha in cumulative),
            prediction=config.prediction_type,
        )


def ddim_move(x: Tensor, eps: Tensor, move: Move) -> Tensor:
    """Carry x from one noise level to another along eps, in either direction.

    x0 = (x - sqrt(1 - a) eps) / sqrt(a);  x' = sqrt(a') x0 + sqrt(1 - a') eps
    (Song et al. 2021, https://arxiv.org/abs/2010.02502, equation 12 with eta 0).
    """
    a_to = move.alpha_to
    return a_to**0.5 * clean(x, eps, move.alpha) + (1 - a_to) ** 0.5 * eps


def clean(x: Tensor, eps: Tensor, alpha: float) -> Tensor:
    """What x at a noise level is without the noise in it: x0 = (x - sqrt(1 - a) eps) / sqrt(a)."""
    return (x - (1 - alpha) ** 0.5 * eps) / alpha**0.5


def to_eps(output: Tensor, x: Tensor, alpha: float, prediction: Prediction) -> Tensor:
    """Read what a denoiser said about x at a noise level as the noise in x."""
    match prediction:
        case "epsilon":
            return output
        case "v_prediction":
            return alpha**0.5 * output + (1 - alpha) ** 0.5 * x
        case "sample":
            return (x - alpha**0.5 * output) / (1 - alpha) ** 0.5


def _grid(spacing: str, trained: int, steps: int, offset: int) -> Sequence[int]:
    """Ascending timesteps, as in table 2 of https://arxiv.org/abs/2305.08891."""
    match spacing:
        case "leading":
            return [index * (trained // steps) + offset for index in range(steps)]
        case "trailing":
            return [round(trained - index * trained / steps) - 1 for index in reversed(range(steps))]
        case "linspace":
            return [round(index * (trained - 1) / max(steps - 1, 1)) for index in range(steps)]
    raise ValueError(f"the scheduler spaces timesteps by {spacing!r}")


def _check(config: Any) -> None:
    if config.prediction_type not in get_args(Prediction):
        raise ValueError(f"the scheduler's prediction_type is {config.prediction_type!r}")
    if not isinstance(config.steps_offset, int):
        raise ValueError(f"the scheduler's steps_offset is {config.steps_offset!r}")
