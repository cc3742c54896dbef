"""Cheap previews of latents, by a linear fit to the decoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

_LONGEST = 128
_AROUND = 1
_RIDGE = 0.03
"""Of the mean power of a feature; chosen by looking: less lets noise through, more takes contrast away."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearDecoder:
    """A latent's neighbourhood of 3x3 to a block of pixels, linearly: `weight` (3 f f, C, 3, 3), `bias`
    (3 f f), for f pixels per latent element along each side.

    It draws what is like the picture it was fitted to, and guesses colours that this one does not have.
    """

    weight: Tensor
    bias: Tensor
    factor: int

    @classmethod
    @torch.no_grad()
    def fitted(cls, latent: Tensor, picture: Image.Image) -> LinearDecoder:
        """The decoder that best makes a picture from its latent (1, C, h, w): ridge regression in float64.

        min over W of |A W - Y|^2 + lambda |W|^2, a row of A for every latent element. Of the picture it
        makes as many pixels as the latent has room for, its longer side at most 128 unless the latent's is.
        """
        z = latent.cpu().double()
        channels, height, width = z.shape[1:]
        factor = max(1, min(picture.height // height, _LONGEST // max(height, width)))
        small = picture.resize((width * factor, height * factor), Image.Resampling.BOX)
        pixels = torch.from_numpy(np.array(small)).double().permute(2, 0, 1)[None] / 127.5 - 1
        a = F.unfold(_padded(z), 1 + 2 * _AROUND)[0].T
        a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], dim=1)
        y = F.pixel_unshuffle(pixels, factor)[0].flatten(1).T
        gram = a.T @ a
        gram.diagonal().add_(_RIDGE * gram.diagonal().mean())
        solution = torch.linalg.solve(gram, a.T @ y).float()
        weight = solution[:-1].T.unflatten(1, (channels, 1 + 2 * _AROUND, 1 + 2 * _AROUND))
        return cls(weight=weight.contiguous(), bias=solution[-1], factor=factor)

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Image.Image:
        """Latents (n, C, h, w) as small pictures side by side."""
        z = _padded(latents.cpu().float())
        x = F.pixel_shuffle(F.conv2d(z, self.weight, self.bias), self.factor)
        pixels = ((x.nan_to_num().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return Image.fromarray(torch.cat(list(pixels), dim=2).permute(1, 2, 0).numpy())


def _padded(latents: Tensor) -> Tensor:
    return F.pad(latents, (_AROUND,) * 4, mode="replicate")
