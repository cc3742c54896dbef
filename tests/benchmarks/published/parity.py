"""What the engine and the plain implementations are both asked for, and how near they must be."""

from __future__ import annotations

import torch
from torch import Tensor

from miniature.scenes import Scene, Thing

SCALE = 4.0
WIDE = Scene(things=(Thing(object="cat"),), background="grass", seed=3, width=96)
PROMPT = "a cat on grass"
LONGER = "a watercolour of a red cat on the green grass"


def agree(ours: Tensor, theirs: Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)
