"""DiffEdit's mask: where the denoiser predicts other noise for the target prompt than for the source's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.backbones import Backbone
from engine.noise import noised, seeded_noise
from engine.record import SourceRecord


@dataclass(frozen=True, kw_only=True)
class NoiseMask:
    """How the mask is found (Couairon et al. 2023, https://arxiv.org/abs/2210.11427, section 3.2).

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
    model: Backbone, record: SourceRecord, targets: Sequence[str], settings: NoiseMask, seed: int
) -> Tensor:
    """How differently the source and each target prompt denoise the picture, (targets, h, w) in [0, 1].

    The mean over noises and channels of |prediction(target) - prediction(source)|, over `clamp` times its
    mean, at most 1. The noise is drawn by the `seed` and is the same for all targets, each of which is
    predicted by itself, so that none depends on its company. Guided predictions with the same unconditional
    branch differ by the guidance scale times as much, which leaves this as it is; so only the conditional
    branch runs. Zeros where the two prompts read the same.
    """
    calls = model.schedule(record.steps, record.size).denoising()
    level = calls[-max(int(record.steps * settings.strength + 1e-9), 1)].at
    latent = record.trajectory[:1].to(model.device)
    x = noised(latent, seeded_noise((settings.noises, *latent.shape[1:]), seed, model.device), level)

    def predict(prompt: str) -> Tensor:
        conditioning = model.read(prompt, record.size)
        try:
            return model.predict(x, level, conditioning.rows([0] * len(x)))
        except torch.OutOfMemoryError:
            return torch.cat([model.predict(row, level, conditioning) for row in x.split(1)])

    source = predict(record.prompt)
    found: list[Tensor] = []
    for target in targets:
        difference = (predict(target) - source).abs().mean((0, 1))
        most = settings.clamp * difference.mean()
        found.append((difference / most).clamp(max=1) if most > 0 else torch.zeros_like(difference))
    return torch.stack(found)


def noise_mask(
    model: Backbone, record: SourceRecord, targets: Sequence[str], settings: NoiseMask, seed: int
) -> Tensor:
    """Where each target may differ from the source by DiffEdit, (targets, h, w) of booleans."""
    return contrast(model, record, targets, settings, seed) > settings.threshold
