"""Where the words of a source prompt look while its picture is retraced."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

import engine
from engine.alignment import Tokens
from engine.attention import Branch, Maps, Step
from engine.denoise import together


@dataclass(frozen=True, kw_only=True)
class WordMaps:
    """Cross-attention added up over steps and layers, mean over heads: `maps` (tokens, rows, columns)."""

    tokens: Tokens
    maps: Tensor

    @classmethod
    def of(cls, models: engine.Backbone, record: engine.SourceRecord) -> "WordMaps":
        text = models.read(record.prompt, record.size)
        maps = Maps(models.spec.blend_factor)
        alone = (Branch(name="cond", rows=(0,), conditioning=text),)
        latents = record.trajectory.to(models.device).flip(0).split(1)
        with torch.no_grad():
            for index, call in enumerate(models.schedule(record.steps).denoising()):
                step = Step(index=index, total=record.steps, branches=alone, observers=(maps,))
                together(models, latents[index], call.shown, step)
                maps.after(step)
        assert maps.total is not None
        height, width = (-(-side // maps.factor) for side in record.trajectory.shape[-2:])
        return cls(tokens=models.tokens(record.prompt), maps=maps.total[0].unflatten(-1, (height, width)))

    def of_word(self, word: str) -> Tensor:
        """The sum over the word's sub-tokens, (rows, columns), its maximum 1."""
        chosen = self.maps[list(self.tokens.positions(word))].sum(0)
        return chosen / chosen.max()

    def mask(self, word: str, size: tuple[int, int], threshold: float = 0.3) -> NDArray[np.bool_]:
        """Where the word's map exceeds the threshold, at a picture's (width, height)."""
        hot = (self.of_word(word) > threshold).to(torch.uint8) * 255
        return np.asarray(Image.fromarray(hot.numpy()).resize(size, Image.Resampling.NEAREST)) > 127
