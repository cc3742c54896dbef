"""The learned part of a record, as the steps of an edit use it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from engine.conditioning import Conditioning


class Noise(NamedTuple):
    """Noise (1, C, h, w) that a step adds in place of as much of what it removed, `std` of its deviation."""

    std: float = 0.0
    map: Tensor | None = None


class Learned:
    """Replacements by an inversion in the steps of an edit, by step index and branch; this one has none.

    Steps are counted from the noisiest level down.
    """

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        """The conditioning of the branch, in place of the given one."""
        return given

    def values(self, index: int, branch: str, context: Tensor) -> Tensor | None:
        """The input of cross-attention's value projections instead of this context, None for the same."""
        return None

    def noise(self, index: int) -> Noise:
        """The noise that the step adds."""
        return Noise()

    def shift(self, index: int, branch: str) -> Tensor | None:
        """An addition to the network's input (1, C, h, w), None for nothing."""
        return None

    def source_input(self, index: int) -> Tensor | None:
        """The network's input for the source itself (1, C, h, w), to the bit: a latent and its shift add
        up to it but for rounding. None for the source's latent.
        """
        return None
