"""DiffEdit's mask, from the difference between noise predictions under the source and the target prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.noise import Level, noised, seeded_noise
from engine.progress import OnProgress, Progress, Rows, silent
from engine.record import SourceRecord


@dataclass(frozen=True, kw_only=True)
class NoiseMask:
    """Settings of DiffEdit's mask (Couairon et al. 2023, https://arxiv.org/abs/2210.11427, section 3.2).

    The clean latent is noised to the fraction `strength` of the run, `noises` times. The difference between
    the predictions is divided by `clamp` times its mean, and a place is open where that exceeds `threshold`;
    at .5 and 3, the settings of diffusers, where the difference exceeds 1.5 times its mean.
    """

    strength: float = 0.5
    noises: int = 10
    clamp: float = 3.0
    threshold: float = 0.5


@torch.no_grad()
def contrast(
    model: Backbone,
    record: SourceRecord,
    targets: Sequence[str],
    settings: NoiseMask,
    seed: int,
    on_progress: OnProgress = silent,
) -> Tensor:
    """The difference between predictions under the source and each target prompt, (targets, h, w) in [0, 1].

    The mean over noises and channels of |prediction(target) - prediction(source)|, over `clamp` times its
    mean, at most 1. The noise is drawn by the `seed` and is the same for all targets, each of which is
    predicted by itself, so that none depends on its company. Guided predictions with the same unconditional
    branch differ by the guidance scale times as much, which leaves this as it is; so only the conditional
    branch runs. Zeros where the two prompts read the same. `on_progress` is called after every prompt.
    """
    calls = model.schedule(record.steps, record.size).denoising()
    level = calls[-max(int(record.steps * settings.strength + 1e-9), 1)].at
    latent = record.trajectory[:1].to(model.device)
    x = noised(latent, seeded_noise((settings.noises, *latent.shape[1:]), seed, model.device), level)

    source = _predicted(model, x, level, model.read(record.prompt, record.size))
    found: list[Tensor] = []
    for done, target in enumerate(targets, start=1):
        on_progress(_progress(done, 1 + len(targets), len(x)))
        prediction = _predicted(model, x, level, model.read(target, record.size))
        difference = (prediction - source).abs().mean((0, 1))
        most = settings.clamp * difference.mean()
        found.append((difference / most).clamp(max=1) if most > 0 else torch.zeros_like(difference))
    on_progress(_progress(1 + len(targets), 1 + len(targets), len(x)))
    return torch.stack(found)


def noise_mask(
    model: Backbone,
    record: SourceRecord,
    targets: Sequence[str],
    settings: NoiseMask,
    seed: int,
    on_progress: OnProgress = silent,
) -> Tensor:
    """DiffEdit's mask for each target, (targets, h, w) of booleans."""
    return contrast(model, record, targets, settings, seed, on_progress) > settings.threshold


def _predicted(model: Backbone, x: Tensor, level: Level, conditioning: Conditioning) -> Tensor:
    """The predictions for rows (n, C, h, w) that read one prompt: together, else one by one."""
    try:
        return model.predict(x, level, conditioning.rows([0] * len(x)))
    except torch.OutOfMemoryError:
        pass  # The error holds on to the tensors of the call until its block is left.
    return torch.cat([model.predict(row, level, conditioning) for row in x.split(1)])


def _progress(done: int, total: int, noises: int) -> Progress:
    return Progress("mask", done, total, rows=Rows(done * noises, (total - done) * noises))
