"""Prompt Tuning Inversion: conditional embeddings that make guided sampling follow the pivot."""

from __future__ import annotations

from engine.backbones import Backbone
from engine.inverters.embeddings import EmbeddingInverter
from engine.learned import Learned
from engine.record import SourceRecord
from parameters import PromptTuning


class PromptTuningInverter(EmbeddingInverter):
    """Learn the conditional embedding of every step; the pivot is DDIM under the empty prompt.

    The first embedding starts from the source prompt, which may be empty. Dong et al. 2023,
    https://arxiv.org/abs/2305.04441, section 3.2; inner steps and rates are Null-text's.
    """

    params = PromptTuning
    branch = "cond"

    def learned_of_source(self, model: Backbone, record: SourceRecord) -> Learned:
        return self.embeddings(model, record)
