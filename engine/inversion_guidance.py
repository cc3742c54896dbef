"""Inversion guidance: what proximal guidance hardly changes is moved back to the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from engine.attention import Step
from engine.guidance import Proximal
from engine.window import Window


@dataclass(frozen=True, kw_only=True)
class InversionGuidance:
    """z <- z - rate (z - z*) (1 - dilate[|d| > m]) after each step in `window`.

    z* is the source's latent of the level arrived at; d is what `proximal` leaves of the change by guidance
    and m its threshold. The places are found in each channel by itself, as in the authors' code, and dilated
    by `radius`. Han et al. 2024, https://arxiv.org/abs/2306.05414, whose code calls these `recon_lr`,
    `recon_t` and `dilate_mask`.
    """

    proximal: Proximal
    rate: float
    window: Window
    radius: int

    def after(self, step: Step, latents: Tensor, predictions: Mapping[str, Tensor]) -> Tensor:
        """The latents (rows, C, h, w) that a step with these predictions arrived at, moved."""
        if step not in self.window or step.source is None:
            return latents
        changed = self.proximal.largest(predictions, step.index, step.total)
        if changed is None:
            return latents
        kept = 1 - F.max_pool2d(changed.float(), 2 * self.radius + 1, stride=1, padding=self.radius)
        return latents - self.rate * (latents - step.source.latent) * kept
