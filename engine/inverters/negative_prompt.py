"""Negative-prompt inversion: guidance that leads away from the source prompt."""

from __future__ import annotations

from dataclasses import dataclass

from engine.backbones import Backbone
from engine.conditioning import Conditioning
from engine.inverters.ddim import DDIMInverter
from engine.learned import Learned
from engine.record import SourceRecord
from parameters import NegativePromptInversion


class NegativePromptInverter(DDIMInverter):
    """DDIM inversion whose edits read the source prompt in place of the empty one.

    The source is then guided from its prompt towards its prompt, which is to sample it unguided, as it was
    inverted. Miyake et al. 2023, https://arxiv.org/abs/2305.16807.
    """

    params = NegativePromptInversion

    def learned(self, model: Backbone, record: SourceRecord) -> Learned:
        return SourceAsUncond(text=model.read(record.prompt, record.size))


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceAsUncond(Learned):
    """The unconditional branch reads the source prompt, of one row."""

    text: Conditioning

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        return self.text.rows([0] * len(given)) if branch == "uncond" else given
