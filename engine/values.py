"""What the value projections of cross-attention read: the look of a picture, apart from its structure."""

from __future__ import annotations

import torch
from torch import Tensor

from engine import alignment
from engine.alignment import Tokens
from engine.mapping import film
from engine.record import SourceRecord
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


def value_inputs(record: SourceRecord, embedding: Tensor, window: Window | None) -> Tensor | None:
    """The embedding v as the record bends it in each step, v * gamma + beta while in the window and else v.

    `embedding` (rows, tokens, width); the result is (steps, rows, tokens, width), None where it is v in all
    steps (Li et al. 2023, https://arxiv.org/abs/2303.15649, section 3.4).
    """
    bent = window.steps(record.steps) if window else range(0)
    if not ("gamma" in record.learned and bent):
        return None
    learned = [record.learned[name].to(embedding.device)[:, None] for name in ("gamma", "beta")]
    gamma, beta = (tensor[bent.start : bent.stop] for tensor in learned)
    values = embedding.expand(record.steps, -1, -1, -1).clone()
    values[bent.start : bent.stop] = film(embedding, gamma, beta)
    return values
