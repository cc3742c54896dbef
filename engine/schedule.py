"""The noise levels of a run, read from a scheduler's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine.errors import InvalidParameter
from engine.noise import Call, Level

_SMALLEST_A = 2.0**-24


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The N+1 levels of a run, the noisiest last.

    `levels[0]` is where a run ends, which need not be `clean` (a scheduler with `set_alpha_to_one=False` ends
    a little above). A latent that an encoder gives is taken for level 0 by an inversion, and for `clean`
    where noise is added to it.
    """

    levels: tuple[Level, ...]

    def __len__(self) -> int:
        return len(self.levels) - 1

    @property
    def clean(self) -> Level:
        """The level without noise."""
        return Level(0, 1.0, 0.0, self.levels[0].holds)

    @property
    def timesteps(self) -> tuple[float, ...]:
        """The timesteps of levels 1 to N."""
        return tuple(level.timestep for level in self.levels[1:])

    def denoising(self) -> tuple[Call, ...]:
        """The calls from level N down to level 0; call i stands at level N - i."""
        down = self.levels[::-1]
        return tuple(Call(at, at, to) for at, to in pairwise(down))

    def inversion(self) -> tuple[Call, ...]:
        """The calls from level 0 up to level N, each shown the timestep of the level it goes *to*."""
        return tuple(Call(to, at, to) for at, to in pairwise(self.levels))


def diffusion_schedule(scheduler: Any, steps: int, distilled: int | None = None) -> Schedule:
    """The levels that a diffusers `DDIMScheduler` visits in so many steps; it is only read.

    Those of a latent consistency model that was `distilled` from so many steps are some of these.

    Raises:
        InvalidParameter: `steps` is not within 1 and the training steps, or those distilled from.
        ValueError: the scheduler has settings that this engine does not know.
    """
    config = scheduler.config
    if not isinstance(config.steps_offset, int):
        raise ValueError(f"the scheduler's steps_offset is {config.steps_offset!r}")
    trained = int(config.num_train_timesteps)
    check_steps(steps, distilled or trained)
    if distilled:
        grid = _distilled_grid(trained, distilled, steps)
    else:
        grid = _grid(config.timestep_spacing, trained, steps, config.steps_offset)
    timesteps = [min(max(timestep, 0), trained - 1) for timestep in grid]
    cumulative = [float(scheduler.alphas_cumprod[timestep]) for timestep in timesteps]
    levels = [_preserving(0, float(scheduler.final_alpha_cumprod))]
    levels += [_preserving(*pair) for pair in zip(timesteps, cumulative, strict=True)]
    return Schedule(levels=tuple(levels))


def flow_schedule(sigmas: Sequence[float], trained: int) -> Schedule:
    """The levels of a rectified flow at these noise fractions, the noisiest first; it ends clean."""
    levels = [Level(sigma * trained, 1 - sigma, sigma, "velocity") for sigma in reversed(sigmas)]
    return Schedule(levels=(Level(0.0, 1.0, 0.0, "velocity"), *levels))


def check_steps(steps: object, most: int) -> None:
    """Raise `InvalidParameter` unless `steps` is a whole number from 1 to `most`."""
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= most:
        raise InvalidParameter("steps", steps, f"a whole number from 1 to {most}")


def _preserving(timestep: int, alpha_bar: float) -> Level:
    return Level(timestep, max(alpha_bar**0.5, _SMALLEST_A), (1 - alpha_bar) ** 0.5)


def _distilled_grid(trained: int, distilled: int, steps: int) -> Sequence[int]:
    """Ascending timesteps of a latent consistency model: evenly chosen of those it was distilled at."""
    at = [(index + 1) * (trained // distilled) - 1 for index in range(distilled)]
    return [at[-1 - index * distilled // steps] for index in reversed(range(steps))]


def _grid(spacing: str, trained: int, steps: int, offset: int) -> Sequence[int]:
    """Ascending timesteps, as in table 2 of https://arxiv.org/abs/2305.08891.

    "leading" counts in whole strides, as diffusers does, unless these would stop short of the noisy end by
    more than one stride (at 334 of 1000 steps they end at 667): then the strides are fractions.
    """
    match spacing:
        case "leading":
            if steps == 1:
                return [trained - 1]
            stride = trained // steps
            exact = trained - stride * steps <= stride
            return [
                (index * stride if exact else round(index * trained / steps)) + offset
                for index in range(steps)
            ]
        case "trailing":
            return [round(trained - index * trained / steps) - 1 for index in reversed(range(steps))]
        case "linspace":
            return [round(index * (trained - 1) / max(steps - 1, 1)) for index in range(steps)]
    raise ValueError(f"the scheduler spaces timesteps by {spacing!r}")
