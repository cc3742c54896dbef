"""Inputs of cross-attention's value projections, which carry a picture's look apart from its structure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine import alignment
from engine.alignment import Tokens
from engine.conditioning import Conditioning
from engine.learned import Learned, Noise
from engine.window import Window


def carried(given: Tokens, read: Tensor, target: Tokens) -> Tensor:
    """The embedding of one prompt at the tokens of another, so that each word's value is at that word's key.

    Where prompts differ only in words put in the place of others, these take their places; else the words in
    common do, and what the target alone has reads the end of the given prompt, which sums it up. `read` is
    (1, tokens, width), and so is the result.
    """
    swap = alignment.is_word_swap(given, target)
    aligned = alignment.replace(given, target) if swap else alignment.refine(given, target)
    shares = aligned.projection.to(read.device, torch.float32, copy=True)
    shares[given.end, shares.sum(0) == 0] = 1
    return (shares.T / shares.sum(0)[:, None] @ read.float()).to(read.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowedValues(Learned):
    """What an inversion learned, of whose values an edit takes those of the steps in a window.

    Values of the conditional branch are read from `context` (rows, tokens, width), None for its own.
    """

    learned: Learned
    window: Window
    total: int
    context: Tensor | None = None

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        return self.learned.conditioning(index, branch, given)

    def values(self, index: int, branch: str, context: Tensor) -> Tensor | None:
        own = self.context if branch == "cond" else None
        read = context if own is None else own
        if index in self.window.steps(self.total):
            values = self.learned.values(index, branch, read)
            return own if values is None else values
        return own

    def noise(self, index: int) -> Noise:
        return self.learned.noise(index)

    def shift(self, index: int, branch: str) -> Tensor | None:
        return self.learned.shift(index, branch)

    def source_input(self, index: int) -> Tensor | None:
        return self.learned.source_input(index)
