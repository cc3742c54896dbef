"""Null-text inversion: unconditional embeddings that make guided sampling follow the pivot."""

from __future__ import annotations

from engine.backbones import Backbone
from engine.inverters.embeddings import EmbeddingInverter
from engine.learned import Learned
from engine.record import SourceRecord
from parameters import NullText


class NullTextInverter(EmbeddingInverter):
    """Learn the unconditional embedding of every step; the pivot is DDIM with the source prompt.

    Mokady et al. 2023, https://arxiv.org/abs/2211.09794, section 3.
    """

    params = NullText
    branch = "uncond"

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return self.embeddings(model, record)
