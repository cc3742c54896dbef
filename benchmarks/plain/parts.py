"""The pieces of a model, none of them frozen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers import UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection
from transformers.utils import logging as transformers_logging

import engine
from engine.attention import Site


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A model's own copies of what is trained through, weights unfrozen; `models` has the rest of it.

    `vision` is the tower without its projection, `preprocess` what makes pictures its input.
    """

    models: engine.Backbone
    unet: Any
    vision: Any
    preprocess: Any

    @classmethod
    def load(cls, models: engine.Backbone, folder: Path) -> Parts:
        """The parts that a diffusers folder holds, in float32 and in eval mode."""
        transformers_logging.disable_progress_bar()
        tower = CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder")
        return cls(
            models=models,
            unet=UNet2DConditionModel.from_pretrained(folder / "unet").float().eval(),
            vision=tower.vision_model.float().eval(),
            preprocess=CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor"),
        )

    @property
    def looked_at(self) -> frozenset[str]:
        """The names of the cross-attention layers whose maps are compared and blended by."""
        factor = self.models.spec.blend_factor
        return frozenset(
            site.name for site in self.models.sites if site.kind == "cross" and site.factor == factor
        )

    def embed(self, prompt: str) -> Tensor:
        """The text embedding of a prompt, (1, tokens, width)."""
        return self.models.read(prompt, (0, 0)).context

    @property
    def image_tokens(self) -> int:
        """How many tokens E(x) has."""
        return int(self.vision.embeddings.num_positions)

    def replaced(self, site: Site) -> bool:
        """Whether an edit takes the self-attention of this layer from the source."""
        return site.kind == "self" and site.factor >= self.models.spec.self_factor

    def pixels(self, image: Image.Image) -> Tensor:
        """A picture as the vision tower reads it, (1, 3, H, W)."""
        pixels: Tensor = self.preprocess(images=image, return_tensors="pt").pixel_values
        return pixels

    def features(self, pixels: Tensor) -> Tensor:
        """E(x): all tokens of the vision tower after its last layer norm, (1, image tokens, width)."""
        tokens: Tensor = self.vision.post_layernorm(self.vision(pixel_values=pixels).last_hidden_state)
        return tokens
